"""Attempts and calls of which nobody knows whether the upstream billed them: listed, and resolved.

Decides nothing: whether an attempt was billed is for the seller's log to say, for somebody who knows, or for time.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from gateway.core.errors import NotFound
from gateway.core.prices import Basis
from gateway.core.trail import Action, Actor
from gateway.core.unsettled import AllUnsettled, Reason, Resolution, Resolved, Unsettled, UnsettledCall
from gateway.ledger import layout
from gateway.ledger.budget import Books
from gateway.ledger.store import Store

_AT_ONCE = 200

# For so long nobody may know: the seller's log is at hand by then, or will not be.
UNSETTLED_S = 72 * 3600.0


# What a row tells of an attempt, beside sums.
_FACTS = frozenset(
    {
        *("why", "call", "team", "attempt", "basis", "model", "size", "group", "lane", "verdict"),
        *("pictures", "input", "output", "saved", "began"),
    }
)


@dataclass(frozen=True, slots=True)
class UnsettledBooks:
    """All methods raise `BooksAway`, and may be repeated. `actor` is who resolves, None: the gateway, in the end."""

    store: Store
    actor: Actor | None = None

    async def attempts(self, *, older_s: float = 0.0) -> AsyncIterator[Unsettled]:
        """Those that have been unsettled for so long, from the oldest on."""
        passed = 0
        while True:
            args = [str(round(older_s * 1000)), str(passed), str(_AT_ONCE)]
            _, *words = await self.store.call("unsettled", [layout.OPERATOR], args)
            found = [_unsettled(record) for record in _records(words)]
            for each in found:
                yield each
            passed += len(found)
            if len(found) < _AT_ONCE:
                return

    async def calls(self) -> list[UnsettledCall]:
        """Calls of all teams that nobody has ended in time."""
        found: list[UnsettledCall] = []
        for team in sorted(await self.store.record(layout.TEAMS)):
            keys = [layout.open_calls(team), layout.call_stem(team)]
            words = await self.store.call("unsettled_calls", keys)
            for call_id, key_id, held, until in zip(words[::4], words[1::4], words[2::4], words[3::4], strict=True):
                found.append(UnsettledCall(call_id, team, key_id, int(held), float(until) / 1000))
        return found

    async def resolve(
        self,
        attempt_id: str,
        resolved: Resolved,
        why: Reason,
        *,
        nanos: int | None = None,
        billed_at: float | None = None,
    ) -> Resolution:
        """How the attempt stands now, which is as it was resolved first.

        `nanos` None: it cost what is held; `billed_at`: when, if the seller's log says that. Raises `NotFound` for an
        attempt that is not unsettled.
        """
        amount = "" if nanos is None else str(nanos)
        args = [
            attempt_id,
            resolved.value,
            amount,
            why.value,
            "" if billed_at is None else str(round(billed_at * 1000)),
        ]
        if self.actor is not None:
            args += self.actor.words(Action.ATTEMPT_RESOLVED, attempt_id)
        keys = [layout.OPERATOR, layout.OPERATOR_LEDGER, layout.OPERATOR_TRAIL]
        state, *made = await self.store.call("resolve", keys, args)
        if not made:
            raise NotFound(
                f"there is no unsettled attempt {attempt_id}; `gateway ledger unsettled` lists those there are"
            )
        if self.actor is not None and state == "resolved":
            self.actor.tell(Action.ATTEMPT_RESOLVED, attempt_id)
        return Resolution(Resolved(made[0]), int(made[1]), made[2])

    async def adopt(self) -> int:
        """Puts those into the list that releases without one have noted; how many these were.

        They are in the operator's ledger, as held, and in no row that resolves them. It is read only if the account
        holds more than those that are listed.
        """
        account = await self.store.record(layout.OPERATOR)
        if int(account.get("held", 0)) <= sum([each.nanos async for each in self.attempts()]):
            return 0
        held: dict[str, tuple[str, dict[str, str]]] = {}
        async for name, row in self.store.rows(layout.OPERATOR_LEDGER, "+"):
            if row["do"] == "resolve":
                held.pop(row["attempt"], None)
            elif row["held"] != "0":
                held[row["attempt"]] = (name.partition("-")[0], row)
        adopted = 0
        for at_ms, row in held.values():
            facts = [word for name, value in row.items() if name in _FACTS for word in (name, value)]
            (state,) = await self.store.call("adopt", [layout.OPERATOR], [row["held"], at_ms, *facts])
            adopted += state == "adopted"
        return adopted


async def everything(books: Books) -> AllUnsettled:
    """All that nobody knows at the moment. Raises `BooksAway`."""
    unsettled = UnsettledBooks(books.store)
    attempts = tuple([each async for each in unsettled.attempts()])
    calls = tuple(await unsettled.calls())
    earlier = (await books.operator_balance()).held_nanos - sum(each.nanos for each in attempts)
    return AllUnsettled(attempts, calls, max(0, earlier))  # below zero: some came in between


def _records(words: list[str]) -> Iterator[dict[str, str]]:
    """Names and values in turn, each record behind an empty name."""
    record: dict[str, str] = {}
    at = 0
    while at < len(words):
        if words[at]:
            record[words[at]] = words[at + 1]
            at += 2
        else:
            yield record
            record, at = {}, at + 1


def _unsettled(record: Mapping[str, str]) -> Unsettled:
    return Unsettled(
        attempt_id=record["attempt"],
        call_id=record["call"],
        team=record["team"],
        model=record["model"],
        size=record["size"],
        group=record["group"],
        lane=record["lane"],
        nanos=int(record["held"]),
        exact=record["basis"] == Basis.CALL,
        at=int(record["at"]) / 1000,
        began=int(record["began"]) / 1000 if "began" in record else None,
    )
