"""What the tests of the books are about: a charge, and an audit of a ledger against its accounts."""

from dataclasses import dataclass
from typing import Any

from redis import Redis

from gateway.core.books import Charge, Hold
from gateway.core.keys import Key
from gateway.core.outcome import Verdict
from gateway.core.prices import Basis
from gateway.core.usage import Usage
from gateway.ledger import layout, writes
from gateway.ledger.budget import Books

PEPPER = b"pepper for the tests, 32 bytes.."
NOW = 1_800_000_000.0
USD = 1_000_000_000


async def reserve(books: Books, call_id: str, key: Key, nanos: int, *, lease_s: float = 480.0) -> Hold:
    """The hold of a single call."""
    (hold,) = await books.reserve([call_id], key, nanos, lease_s=lease_s)
    return hold


async def settle(books: Books, hold: Hold, paid: Charge) -> None:
    await books.store.make(writes.settle(hold, paid))


async def void(books: Books, hold: Hold, why: str) -> None:
    await books.store.make(writes.void(hold, why))


async def operator(books: Books, paid: Charge, *, call_id: str, team: str, why: str) -> None:
    await books.store.make(writes.operator(paid, call_id=call_id, team=team, why=why))


def charge(nanos: int, *, attempt_id: str = "att_1", model: str = "banana", size: str = "1K") -> Charge:
    return Charge(
        attempt_id=attempt_id,
        nanos=nanos,
        basis=Basis.TOKENS,
        usage=Usage(prompt=10, total=1130),
        model=model,
        size=size,
        group="Default",
        lane="default",
        pictures=1,
        verdict=Verdict.PICTURE,
        route="images.edit",
    )


@dataclass
class Sums:
    held: int = 0
    spent: int = 0


def rows(raw: Redis, stream: str) -> list[dict[str, str]]:
    found: Any = raw.xrange(stream)
    return [fields for _, fields in found]


def audit(raw: Redis, team: str) -> dict[str, Sums]:
    """The accounts of a team and its keys computed from its ledger; they are what the records say.

    Every row must end where the one before it and what it adds lead.
    """
    sums: dict[str, Sums] = {layout.account(team): Sums()}
    for row in rows(raw, layout.ledger(team)):
        for name, account in (("team", layout.account(team)), ("key", layout.key(team, row["key"]))):
            known = sums.setdefault(account, Sums())
            known.held += int(row["held"])
            known.spent += int(row["spent"])
            assert known == Sums(*map(int, row[f"{name}_after"].split()))
    for account, computed in sums.items():
        record: Any = raw.hgetall(account)
        assert computed == Sums(int(record.get("held", 0)), int(record.get("spent", 0)))
    return sums
