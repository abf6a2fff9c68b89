"""After the run: the ledger against the seller's bill, attempt by attempt, in nano-dollars.

Every attempt that a caller owes or the operator has paid must be on the bill with the same amount, and every row of
the bill in the ledger. Two kinds are told apart. What the gateways gave up on is on the operator's account as held,
since nobody knew then whether it would be billed: here the bill says what was. And of an answer that was cut off
nobody read the usage, so that the operator's account has an estimate of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.ledger import layout

# Why an attempt is told apart, and which sum of the operator's account it is in.
_APART = {"unsettled": "held", "truncated": "spent"}


@dataclass(frozen=True, slots=True)
class Apart:
    """Attempts whose amount is not known from their answer: what the ledger says, and what the seller took."""

    attempts: int
    booked: int
    billed: int


@dataclass(frozen=True, slots=True)
class Audit:
    """Sums in nano-dollars. What was cut off is part of what the operator spent, what is unsettled is not."""

    billed: int
    keys_spent: int
    operator_spent: int
    unsettled: Apart
    cut: Apart
    faults: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        known = self.keys_spent + self.operator_spent - self.cut.booked
        return not self.faults and self.billed == known + self.cut.billed + self.unsettled.billed


def audit(store: Any, team: str, bill: Sequence[Mapping[str, Any]]) -> Audit:
    """What the ledger says beside the bill; `faults` names every attempt and account that is not as it should be.

    `store` is a client of Redis that decodes what it reads.
    """
    billed = {row["id"]: int(row["nanos"]) for row in bill}
    settled = [row for row in _rows(store, layout.ledger(team)) if row["do"] == "settle"]
    paid = [row for row in _rows(store, layout.OPERATOR_LEDGER) if row["do"] == "operator"]
    owed = {row["attempt"]: int(row["spent"]) for row in (*settled, *paid) if row.get("why") not in _APART}
    apart = {why: {row["attempt"]: int(row[sum_]) for row in paid if row["why"] == why} for why, sum_ in _APART.items()}
    account, operator = _record(store, layout.account(team)), _record(store, layout.OPERATOR)
    known = {*owed, *(name for names in apart.values() for name in names)}
    charged = Counter(row["call"] for row in settled)
    faults = [
        *_faulty_accounts(store, team, account),
        *(f"{name} is {owed[name]} here, {billed.get(name)} there" for name in owed if billed.get(name) != owed[name]),
        *(f"{name} is on the bill alone" for name in billed if name not in known),
        *(f"{call} was charged {times} times to its caller" for call, times in charged.items() if times > 1),
    ]
    return Audit(
        billed=sum(billed.values()),
        keys_spent=int(account["spent"]),
        operator_spent=int(operator.get("spent", 0)),
        unsettled=_apart(apart["unsettled"], billed),
        cut=_apart(apart["truncated"], billed),
        faults=tuple(faults),
    )


def _apart(booked: Mapping[str, int], billed: Mapping[str, int]) -> Apart:
    return Apart(len(booked), sum(booked.values()), sum(billed.get(name, 0) for name in booked))


def _rows(store: Any, stream: str) -> list[dict[str, str]]:
    return [row for _, row in store.xrange(stream)]


def _record(store: Any, key: str) -> dict[str, str]:
    found: dict[str, str] = store.hgetall(key)
    return found


def _faulty_accounts(store: Any, team: str, account: Mapping[str, str]) -> list[str]:
    faults = []
    if still := store.zcard(layout.open_calls(team)):
        faults.append(f"{still} calls hold money for good")
    if int(account["held"]):
        faults.append(f"the team's account still holds {account['held']}")
    keys = [_record(store, layout.key(team, key_id)) for key_id in _record(store, layout.key_index(team))]
    if sum(int(key.get("spent", 0)) for key in keys) != int(account["spent"]):
        faults.append("the keys' accounts do not add up to their team's")
    if any(int(key.get("held", 0)) for key in keys):
        faults.append("a key's account still holds money")
    return faults
