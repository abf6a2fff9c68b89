"""What is another's is as what never was, byte for byte: asked of every operation that takes an id.

Which these are the gateway's own description says; how a real id of each kind comes to be is a table in `belongings`. A
route with an id of a kind that is not there fails, and so does one at which its own owner finds nothing.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack

import httpx2
import pytest
import pytest_asyncio

from tests.house import MODEL, Gateway
from tests.web.belongings import KINDS, Somebody, absent, call, file, job, somebody
from tests.web.description import Document, operations
from tests.web.test_uploads import command

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What else is in a path, and is nobody's.
OPEN: Mapping[str, tuple[str, ...]] = {"model": (MODEL,), "number": ("1", "9")}

# What the description does not say: other spellings, and ids that are in the query.
BESIDES = (
    ("get", "/gateway/calls/{call_id}/result?picture=7"),
    ("get", "/gateway/jobs?after={job_id}"),
    ("get", "/v1/files/{file}"),
    ("get", "/v1beta/files/{file}:download"),
    ("get", "/v1beta/files/{file}?alt=media"),
    ("delete", "/v1alpha/files/{file}"),
    ("post", "/upload/v1beta/files?upload_id={upload}"),
    ("put", "/upload/v1/files?upload_id={upload}"),
)

# There is nothing behind its last job.
EMPTY = "/gateway/jobs?after={job_id}"

# status, body, and headers but for the date
Told = tuple[int, str, list[tuple[str, str]]]


def names(path: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", path))


def unknown(document: Document) -> set[str]:
    """What is in paths and of no kind that is known here."""
    return {name for _, path, _ in operations(document) for name in names(path)} - set(KINDS) - set(OPEN)


def asked(document: Document) -> Iterator[tuple[str, str, str]]:
    """Method, path and kind of every operation with an id. The path has no other names left in it."""
    for method, path in [*((method, path) for method, path, _ in operations(document)), *BESIDES]:
        for kind in names(path) & set(KINDS):
            for form in filled(path):
                yield method, form, kind
                if method == "get":
                    yield "head", form, kind


def filled(path: str) -> list[str]:
    forms = [path]
    for name in names(path) & set(OPEN):
        forms = [form.replace(f"{{{name}}}", value) for form in forms for value in OPEN[name]]
    return forms


def told(answer: httpx2.Response, an_id: str) -> Told:
    """All that somebody learns from an answer; of the id only where it is."""
    headers = [(name, value.replace(an_id, "ID")) for name, value in answer.headers.items() if name != "date"]
    return answer.status_code, answer.text.replace(an_id, "ID"), headers


async def ask(somebody: Somebody, method: str, path: str, kind: str, an_id: str) -> Told:
    headers = {"x-request-id": "the-same", **(command("query") if kind == "upload" else {})}
    return told(await somebody.http.request(method, path.replace(f"{{{kind}}}", an_id), headers=headers), an_id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(shared: Gateway) -> Document:
    found: Document = (await shared.http.get("/openapi.json")).json()
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def people(shared: Gateway, admin: httpx2.AsyncClient) -> AsyncIterator[dict[str, Somebody]]:
    """An owner, another key of the owner's team, and somebody of another team."""
    teams = {"owner": "owners", "colleague": "owners", "stranger": "strangers"}
    async with AsyncExitStack() as stack:
        yield {who: await stack.enter_async_context(somebody(team, shared, admin)) for who, team in teams.items()}


async def test_every_id_in_a_path_is_of_a_known_kind(document: Document) -> None:
    assert unknown(document) == set()
    more = {**document, "paths": {**document["paths"], "/gateway/things/{thing_id}": {"get": {}}}}
    assert unknown(more) == {"thing_id"}


async def test_every_kind_that_there_is_is_asked_for(document: Document) -> None:
    assert {kind for *_, kind in asked(document)} == set(KINDS)


async def test_what_is_anothers_is_as_what_never_was(document: Document, people: dict[str, Somebody]) -> None:
    for method, path, kind in asked(document):
        real = await KINDS[kind].make(people["owner"])
        never = absent(real) if not KINDS[kind].signed else real[::-1]
        for who in ("stranger", "colleague") if KINDS[kind].of_one_key else ("stranger",):
            nothing = await ask(people[who], method, path, kind, never)
            for foreign in KINDS[kind].foreign(real):
                answer = await ask(people[who], method, path, kind, foreign)
                assert answer == nothing, f"{method} {path} of {foreign} by a {who}"
        await _was_worth_asking(people["owner"], method, path, kind, real)


async def _was_worth_asking(owner: Somebody, method: str, path: str, kind: str, real: str) -> None:
    """Its owner is told something else than of what is not there; of an administrator's routes nobody is."""
    if method == "head" or path.startswith("/admin/") or path == EMPTY:
        return
    found, nothing = [await ask(owner, method, path, kind, each) for each in (real, absent(real))]
    assert found != nothing, f"{method} {path}: its owner finds nothing there"


async def test_nothing_of_anothers_is_in_a_list(people: dict[str, Somebody]) -> None:
    owner, stranger = people["owner"], people["stranger"]
    nothing = {
        "/gateway/calls": {"calls": [], "next": None},
        "/gateway/jobs": {"object": "list", "data": [], "has_more": False},
        "/v1beta/files": {},
    }
    ids = {"/gateway/calls": await call(owner), "/gateway/jobs": await job(owner), "/v1beta/files": await file(owner)}
    for path, an_id in ids.items():
        assert an_id in (await owner.http.get(path)).text
        assert (await stranger.http.get(path)).json() == nothing[path]


async def test_a_file_that_is_named_in_a_request_is_as_absent(people: dict[str, Somebody]) -> None:
    owner, stranger = people["owner"], people["stranger"]
    real = await file(owner)

    async def named(somebody: Somebody, name: str) -> Told:
        part = {"fileData": {"fileUri": f"files/{name}", "mimeType": "image/png"}}
        body = {"contents": [{"parts": [part, {"text": "make it night"}]}]}
        path, headers = f"/v1beta/models/{MODEL}:generateContent", {"x-request-id": "the-same"}
        return told(await somebody.http.post(path, json=body, headers=headers), name)

    status, text, _ = foreign = await named(stranger, real)
    assert foreign == await named(stranger, absent(real))
    assert (status, "PERMISSION_DENIED" in text) == (403, True)
    assert (await named(owner, real))[0] == 200
