"""What somebody has of whom others must not learn: made for real, one of each kind that there are ids of."""

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from gateway.core.keys import Limits
from gateway.ledger import writes
from tests.house import MODEL, START_S, Gateway
from tests.ledger.accounts import USD, charge, operator
from tests.waiting import eventually
from tests.web.office import DRILLS
from tests.web.test_files import DOT
from tests.web.test_uploads import START, starting


@dataclass(frozen=True, slots=True)
class Somebody:
    """Who has a key, and what it takes to make something of theirs."""

    team: str
    key_id: str
    http: httpx2.AsyncClient
    admin: httpx2.AsyncClient
    gateway: Gateway

    async def drawn(self, headers: Mapping[str, str] = {}, **more: Any) -> httpx2.Response:
        body = {"model": MODEL, "prompt": "a boat", **more}
        answer = await self.http.post("/v1/images/generations", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer

    async def over(self, path: str) -> None:
        """Waits until there is something at a path."""

        async def there() -> bool:
            return (await self.http.get(path)).is_success

        await eventually(there)


@asynccontextmanager
async def somebody(team: str, gateway: Gateway, admin: httpx2.AsyncClient) -> AsyncIterator[Somebody]:
    """With a new key of this team, which may be new too."""
    keys, now = gateway.running.ledger.keys, time.time()
    await keys.ensure_team(team, now=now)
    key, secret = await keys.create_key(team, name="x", limits=Limits(), now=now)
    headers = {"x-goog-api-key": secret}
    async with httpx2.AsyncClient(base_url=gateway.url, headers=headers, timeout=START_S, trust_env=False) as http:
        yield Somebody(team, key.id, http, admin, gateway)


async def call(owner: Somebody) -> str:
    call_id = str((await owner.drawn()).headers["x-gateway-call-id"])
    await owner.over(f"/gateway/calls/{call_id}/pictures/1")
    return call_id


async def job(owner: Somebody) -> str:
    job_id = str((await owner.drawn({"prefer": "respond-async"})).json()["id"])
    await owner.over(f"/gateway/jobs/{job_id}/result")
    return job_id


async def address(owner: Somebody) -> str:
    url: str = (await owner.drawn(response_format="url")).json()["data"][0]["url"]
    return url.rpartition("/")[2]


async def file(owner: Somebody) -> str:
    headers = {"x-goog-upload-protocol": "raw", "content-type": "image/png"}
    sent = await owner.http.post(START, headers=headers, content=base64.b64decode(DOT))
    return str(sent.json()["file"]["name"]).removeprefix("files/")


async def upload(owner: Somebody) -> str:
    begun = await owner.http.post(START, headers=starting(), json={"file": {"mimeType": "image/png"}})
    return str(begun.headers["x-goog-upload-url"]).partition("upload_id=")[2].partition("&")[0]


async def drill(owner: Somebody) -> str:
    body = {"group": "Default", "kind": "dead", "key": owner.key_id}
    return str((await owner.admin.post(DRILLS, json=body)).json()["id"])


async def attempt(owner: Somebody) -> str:
    feared, books = charge(USD, attempt_id=f"att_{time.time_ns()}"), owner.gateway.running.ledger.books
    await operator(books, feared, call_id="c", team=owner.team, why=writes.UNSETTLED)
    return feared.attempt_id


async def key_of(owner: Somebody) -> str:
    return owner.key_id


async def team_of(owner: Somebody) -> str:
    return owner.team


@dataclass(frozen=True, slots=True)
class Kind:
    """What an id is of. `of_team`: every key of its team may have it. `signed`: whoever has the id may, so that it is
    asked for with one letter changed, whichever that is.
    """

    make: Callable[[Somebody], Awaitable[str]]
    of_team: bool = False
    signed: bool = False

    @property
    def of_one_key(self) -> bool:
        return not (self.of_team or self.signed)

    def foreign(self, real: str) -> list[str]:
        """What somebody asks for who knows of it, or has seen most of it."""
        return [changed(real, at) for at in range(len(real))] if self.signed else [real]


# By the names that they have in paths.
KINDS: Mapping[str, Kind] = {
    "call_id": Kind(call),
    "job_id": Kind(job),
    "token": Kind(address, signed=True),
    "file": Kind(file, of_team=True),
    "upload": Kind(upload, signed=True),
    "key_id": Kind(key_of),
    "team_id": Kind(team_of),
    "drill_id": Kind(drill),
    "attempt": Kind(attempt),
}


def changed(text: str, at: int) -> str:
    """The same with another letter at this place."""
    return text[:at] + ("1" if text[at] == "0" else "0") + text[at + 1 :]


def absent(real: str) -> str:
    """An id of the same length and form that nothing has."""
    last = len(real) - 1
    return changed(changed(real, last), last - 1)
