"""What callers have when they ask again after their gateway died: all that they were promised, drawn once.

Each asks under an Idempotency-Key, and has a key of the gateway to itself: by that the books tell which calls were
made for its request.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from gateway.ledger import layout
from tests.house import ADMIN_KEY
from tests.kills.home import Ask
from tests.waiting import PATIENCE_S, until

DRAWN, UNSURE = "succeeded", "unsettled"

_OVER = (DRAWN, UNSURE, "failed", "blocked")
_STANDS = {200: DRAWN, 409: UNSURE}
_NOT_NOW = (429, 500, 502, 503, 504)


@dataclass
class Caller:
    """`place` is where its job is, if it was told of one before the gateway died."""

    ask: Ask
    key_id: str
    secret: str
    once: str = field(default_factory=lambda: uuid4().hex)
    place: str | None = None

    @classmethod
    def new(cls, url: str, ask: Ask) -> "Caller":
        admin = {"authorization": f"Bearer {ADMIN_KEY}"}
        made = httpx2.post(f"{url}/admin/api/keys", json={"team": "acme"}, headers=admin, trust_env=False).json()
        return cls(ask, made["id"], made["key"])

    def call(self, url: str) -> None:
        with suppress(httpx2.TransportError):
            self.place = self._asked(url).headers.get("location")

    def stands(self, url: str) -> str | None:
        """How its request stands, asked once more of a gateway that lives; None: it is not over."""
        if self.place is not None and self._get(url, self.place).status_code == 404:
            return f"promised at {self.place}, and not there"
        answer = self._asked(url)
        if answer.status_code in _NOT_NOW:
            return None
        if not self.ask.later:
            return _STANDS.get(answer.status_code, answer.text)
        before, self.place = self.place, answer.headers["location"]
        if before not in (None, self.place):
            return f"promised at {before}, and then at {self.place}"
        state: str = self._get(url, self.place).json()["state"]
        if state == DRAWN and self._get(url, f"{self.place}/result").status_code != 200:
            return f"{DRAWN}, and its answer is gone"
        return state if state in _OVER else None

    def _asked(self, url: str) -> httpx2.Response:
        with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as http:
            return self.ask.post(http, url, self.secret, self.once)

    def _get(self, url: str, path: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self.secret}"}
        return httpx2.get(f"{url}{path}", headers=headers, timeout=PATIENCE_S, trust_env=False)


def again(callers: Sequence[Caller], url: str) -> list[str]:
    """How the request of each stands, asked until it is over, all at once."""
    if not callers:
        return []
    with ThreadPoolExecutor(len(callers)) as threads:
        return list(threads.map(lambda caller: _over(caller, url), callers))


def _over(caller: Caller, url: str) -> str:
    found: list[str | None] = []
    until(lambda: found.append(caller.stands(url)) or found[-1])  # type: ignore[func-returns-value]
    return str(found[-1])


def broken(caller: Caller, drawn: int, stands: str, ends: str) -> Iterator[str]:
    """What is wrong with how a caller's request stands, of which so many pictures are on the seller's bill."""
    if stands != ends:
        yield f"{caller.ask} is {stands}, not {ends}"
    if drawn > caller.ask.pictures or (stands == DRAWN and drawn < caller.ask.pictures):
        yield f"{caller.ask} is {stands}, and {drawn} pictures of it are on the bill"


def drawn_for(raw: Any, bill: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How many pictures on the bill are of which key; `raw` is a client of the store that decodes what it reads."""
    whose = {row["call"]: row["key"] for _, row in raw.xrange(layout.ledger("acme")) if row["do"] == "reserve"}
    return Counter(whose[row["id"].rpartition("-")[0]] for row in bill if row["pictures"])


def let_go(raw: Any) -> None:
    """As if whoever holds a job had been silent for long."""
    for job in raw.zrange(layout.JOBS, 0, -1):
        raw.zadd(layout.JOBS, {job: 0})
