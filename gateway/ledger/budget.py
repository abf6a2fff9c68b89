"""Holds and charges: what a call may cost is set aside before it, what it did cost is owed after it.

Decides nothing about money itself: each step is one function of the library, whole or not at all,
and may be repeated. Here a refusal becomes an error that says what its reader can do, and a charge
becomes the words the ledger keeps. Whoever reserves must settle or void, and must not be cancelled
in between: an answer that was not waited for may have set money aside.
"""

from collections.abc import Sequence

from gateway.core.books import Balance, Charge, Hold
from gateway.core.errors import InternalError, NotFound, OverBudget, UnknownKey
from gateway.core.keys import Key
from gateway.core.money import usd_of
from gateway.core.usage import Usage
from gateway.ledger import layout
from gateway.ledger.records import balance_of
from gateway.ledger.reports import line
from gateway.ledger.store import Store

# Why an attempt is on the operator's account while it is not known whether the upstream billed it.
UNSETTLED = "unsettled"


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
        state, *rest = await self._store.call("gw1_reserve", keys, args)
        if state == "open":
            capped, *held = rest
            each = zip(call_ids, held, strict=True)
            return [Hold(call_id, team, key.id, int(nanos), capped == "capped") for call_id, nanos in each]
        if state == "over":
            raise OverBudget(_refusal(nanos * len(call_ids), rest))
        if state == "unknown":
            raise UnknownKey("this key is not known any more; ask for a new one")
        raise InternalError(f"call {rest[0]} has ended already and can hold nothing")

    async def settle(self, hold: Hold, charge: Charge) -> None:
        """Ends a call with what it cost, whatever has become of its hold. Only the first charge counts."""
        usage = charge.usage or Usage()
        args = [
            *(hold.call_id, hold.key_id, str(hold.nanos), str(charge.nanos)),
            line(hold.key_id, charge),
            *(str(charge.pictures), str(usage.input), str(usage.output)),
            *_facts(charge),
        ]
        keys = [*_call_keys(hold.team, hold.key_id, hold.call_id), layout.use_stem(hold.team)]
        await self._store.call("gw1_settle", keys, args)

    async def void(self, hold: Hold, why: str) -> None:
        """Ends a call that owes nothing; one that was settled stays so."""
        keys = _call_keys(hold.team, hold.key_id, hold.call_id)
        await self._store.call("gw1_void", keys, [hold.call_id, hold.key_id, why])

    async def operator(self, charge: Charge, *, call_id: str, team: str, why: str) -> None:
        """Puts an attempt that no caller owes on the operator's account, once.

        As spent, unless `why` is `UNSETTLED`: whether the upstream billed that, nobody knows yet.
        """
        keys = [layout.OPERATOR, layout.attempt(charge.attempt_id), layout.OPERATOR_LEDGER]
        sums = "held" if why == UNSETTLED else "spent"
        args = [str(charge.nanos), sums, "why", why, "call", call_id, "team", team, *_facts(charge)]
        await self._store.call("gw1_operator", keys, args)

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


def _call_keys(team: str, key_id: str, call_id: str) -> list[str]:
    return [
        layout.account(team),
        layout.key(team, key_id),
        layout.call(team, call_id),
        layout.open_calls(team),
        layout.ledger(team),
    ]


def _facts(charge: Charge) -> list[str]:
    """What a row of the ledger tells of a charge, name and value in turn."""
    usage = charge.usage or Usage()
    facts = {
        "attempt": charge.attempt_id,
        "basis": charge.basis,
        "model": charge.model,
        "size": charge.size,
        "group": charge.group,
        "lane": charge.lane,
        "verdict": charge.verdict,
        "pictures": str(charge.pictures),
        "input": str(usage.input),
        "output": str(usage.output),
        "saved": str(charge.saved_nanos),
    }
    return [word for pair in facts.items() for word in pair]


def _refusal(nanos: int, rest: list[str]) -> str:
    whose, *amounts = rest
    budget, held, spent = (int(each) for each in amounts)
    left = max(0, budget - held - spent)
    wait = f", or wait: ${usd_of(held)} is held for calls that are still running" if held else ""
    return (
        f"this call may cost up to ${usd_of(nanos)}, and of the {whose}'s budget of ${usd_of(budget)} "
        f"${usd_of(left)} is left; ask for a higher budget{wait}"
    )
