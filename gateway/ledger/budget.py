"""Holds: what a call may cost is set aside before it. What it did cost is in `ledger.writes`.

Decides nothing about money itself: that is one function of the library, whole or not at all, which may be
repeated. Here a refusal becomes an error that says what its reader can do. Whoever reserves must settle or
void, and must not be cancelled in between: an answer that was not waited for may have set money aside.
"""

from collections.abc import Sequence

from gateway.core.books import Balance, Hold
from gateway.core.errors import InternalError, NotFound, OverBudget, UnknownKey
from gateway.core.keys import Key
from gateway.core.money import usd_of
from gateway.ledger import layout
from gateway.ledger.records import balance_of
from gateway.ledger.store import Store


class Books:
    """The accounts of teams, keys and the operator, in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<Books in {self._store}>"

    async def reserve(self, call_ids: Sequence[str], key: Key, nanos: int, *, lease_s: float) -> list[Hold]:
        """Sets `nanos` aside for each call if the budgets of key and team allow all of it, else for none.

        Asked again it gives the same holds. Raises `OverBudget`, `UnknownKey` for a key revoked
        meanwhile, and `BooksAway`. After `lease_s` seconds a hold that nobody ended may be taken for lost.
        """
        team = key.team
        keys = [layout.account(team), layout.key(team, key.id), layout.open_calls(team), layout.ledger(team)]
        keys += [layout.call(team, call_id) for call_id in call_ids]
        args = [key.id, str(nanos), str(round(lease_s * 1000)), *call_ids]
        state, *rest = await self._store.call("reserve", keys, args)
        if state == "open":
            capped, left, *held = rest
            each = zip(call_ids, held, strict=True)
            left_nanos = int(left) if left else None
            return [Hold(call_id, team, key.id, int(nanos), capped == "capped", left_nanos) for call_id, nanos in each]
        if state == "over":
            raise OverBudget(_refusal(nanos * len(call_ids), rest))
        if state == "unknown":
            raise UnknownKey("this key is not known any more; ask for a new one")
        raise InternalError(f"call {rest[0]} has ended already and can hold nothing")

    async def balance(self, key: Key) -> Balance:
        """The key's own account; raises `NotFound`."""
        return await self._balance(layout.key(key.team, key.id), f"key {key.id}")

    async def team_balance(self, team_id: str) -> Balance:
        """The team's account, which is that of all its keys; raises `NotFound`."""
        return await self._balance(layout.account(team_id), f"team {team_id}")

    async def operator_balance(self) -> Balance:
        """What the operator has paid for attempts that no caller owes, and as `held` what it may have to pay."""
        record = await self._store.record(layout.OPERATOR)
        return Balance(int(record.get("spent", 0)), int(record.get("held", 0)), budget_nanos=None)

    async def _balance(self, account: str, whose: str) -> Balance:
        balance = balance_of(await self._store.record(account))
        if balance is None:
            raise NotFound(f"there is no {whose}")
        return balance


def _refusal(nanos: int, rest: list[str]) -> str:
    whose, *amounts = rest
    budget, held, spent = (int(each) for each in amounts)
    left = max(0, budget - held - spent)
    wait = f", or wait: ${usd_of(held)} is held for calls that are still running" if held else ""
    return (
        f"this call may cost up to ${usd_of(nanos)}, and of the {whose}'s budget of ${usd_of(budget)} "
        f"${usd_of(left)} is left; ask for a higher budget{wait}"
    )
