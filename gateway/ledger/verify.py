"""Reads the ledgers of teams and of the operator from their first row to their last, and the accounts beside them.

Calls may go on meanwhile: accounts are taken at one moment, and rows up to that moment.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from gateway.core.audit import Audit, Booked, Sums, periods_of
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.store import Store


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found of one ledger: a team's, or the operator's. Its sums are those of the account."""

    whose: str
    rows: int
    sums: Sums
    faults: tuple[str, ...]


async def verify(books: Books, *, team: str | None = None) -> AsyncIterator[Verified]:
    """Every ledger, or a team's alone, one after the other. Raises `BooksAway`."""
    store = books.store
    teams = [team] if team is not None else sorted(await store.record(layout.TEAMS))
    for each in teams:
        keys = [layout.account(each), layout.key_index(each), layout.open_calls(each), layout.ledger(each)]
        stems = [layout.key_stem(each), layout.call_stem(each)]
        since = await books.since(each)
        last, *words = await store.call("sums", [*keys, *stems], [since])
        audit, booked = await _read(store, layout.ledger(each), last), dict(_booked(words, periods_of(since)))
        audit.compare(booked)
        yield Verified(each, audit.rows, booked["team"].sums, tuple(audit.faults))
    if team is None:
        last, *words = await store.call("operator_sums", [layout.OPERATOR, layout.OPERATOR_LEDGER])
        audit, sums = await _read(store, layout.OPERATOR_LEDGER, last), Sums(*map(int, words))
        audit.compare({"operator": Booked(sums)})
        yield Verified("operator", audit.rows, sums, tuple(audit.faults))


async def _read(store: Store, ledger: str, last: str) -> Audit:
    audit = Audit()
    async for name, row in store.rows(ledger, last):
        audit.read(name, row)
    return audit


def _booked(words: list[str], periods: list[str]) -> Iterator[tuple[str, Booked]]:
    """Of each account: name, held, spent, held by open calls, how many run, how many of these do; its periods' sums."""
    wide = 6 + 2 * len(periods)
    for at in range(0, len(words), wide):
        name = words[at]
        held, spent, opened, said, run, *counted = map(int, words[at + 1 : at + wide])
        sums = dict(zip(periods, map(Sums, counted[::2], counted[1::2]), strict=True))
        yield name, Booked(Sums(held, spent), opened, (said, run), sums)
