"""What a real run came to, as a rehearsal tells it: callers' clocks, the seller's bill and the gateways' log, joined.

An attempt is named to the seller by its call's id and its number, so the three meet in the ids.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from gateway.core.allowance import extra_nanos
from gateway.core.call import Ask
from gateway.core.groups import Lane
from gateway.rehearse.played import Bill, Played, Shift, Told
from gateway.rehearse.purse import price
from tests.incidents.callers import Came


@dataclass(frozen=True, slots=True)
class Records:
    """What was written down while it was played. `second_of` makes a moment of the incident of a wall clock's."""

    asks: Sequence[tuple[float, Ask]]
    came: Sequence[Came]
    bill: Sequence[Mapping[str, Any]]
    log: Sequence[Mapping[str, Any]]
    shifts: Sequence[Shift]
    second_of: Callable[[float], float]


def played(records: Records, lanes: Sequence[Lane]) -> Played:
    """As a rehearsal would have it: what is billed costs what it costs there, whatever tokens an answer took."""
    by_name = {lane.group.name: lane for lane in lanes}
    cheapest = min(lane.group.multiplier for lane in lanes)
    ask_of = {each.call_id: records.asks[each.number][1] for each in records.came}
    billed: defaultdict[str, list[str]] = defaultdict(list)
    for row in records.bill:
        billed[call_of(row["id"])].append(row["group"])
    tried = _groups(records)
    finished = {row["call_id"]: row for row in records.log if row["event"] == "call"}
    told = Played(lanes[0].group.name)
    for each in sorted(records.came, key=lambda came: came.sent_at):
        row = finished.get(each.call_id, {})
        told.told.append(
            Told(
                arrived_at=each.sent_at,
                ask=records.asks[each.number][1],
                first=tried.get(f"{each.call_id}-1", ""),
                done_at=each.done_at if each.picture else None,
                won_by=row.get("group", ""),
                attempts=row.get("attempts", 0),
                billed=tuple(billed[each.call_id]),
            )
        )
    told.shifts.extend(records.shifts)
    for row in records.bill:
        at, lane, ask = records.second_of(row["at"]), by_name[row["group"]], ask_of.get(call_of(row["id"]))
        nanos = int(row["nanos"]) if ask is None else price(ask, lane)
        told.bills.append(Bill(at, lane.group.name, at, extra_nanos(nanos, lane.group, cheapest)))
    return told


def disagreements(records: Records) -> list[str]:
    """Calls of which the head of the answer says otherwise than the log; a head that was sent early knows less."""
    finished = {row["call_id"]: row for row in records.log if row["event"] == "call"}
    found = []
    for each in records.came:
        row = finished.get(each.call_id)
        if row is None:
            found.append(f"{each.call_id or each.number}: no line in the log; {each.why}")
        elif each.picture and each.group is not None and (each.group, each.attempts) != (row["group"], row["attempts"]):
            found.append(f"{each.call_id}: {each.group} after {each.attempts}, {row['group']} after {row['attempts']}")
    return found


def machine_s(records: Records, speed: float) -> float:
    """What the machine adds to half of the answers, in seconds of the incident: what the seller did not take.

    Of calls that were answered at the first attempt.
    """
    took = {row["id"]: row["wait_s"] * speed for row in records.bill}
    once = {row["call_id"] for row in records.log if row["event"] == "call" and row["attempts"] == 1}
    added: float = median(
        each.done_at - each.sent_at - took[f"{each.call_id}-1"]
        for each in records.came
        if each.picture and each.call_id in once
    )
    return added


def call_of(attempt_id: str) -> str:
    return attempt_id.rpartition("-")[0]


def _groups(records: Records) -> dict[str, str]:
    """The group of every attempt: of the losers by the log, of those that were billed by the seller."""
    losers = ((row["attempt_id"], row["group"]) for row in records.log if row["event"] == "attempt_failed")
    return dict(losers) | {row["id"]: row["group"] for row in records.bill}


def standings_in(exposition: str, group: str) -> Iterable[int]:
    """The figures of `gateway_group_standing` for a group, one for each model."""
    begins = f'gateway_group_standing{{group="{group}"'
    return (int(float(line.rsplit(" ", 1)[1])) for line in exposition.splitlines() if line.startswith(begins))


def in_flight_in(exposition: str) -> int:
    lines = (line for line in exposition.splitlines() if line.startswith("gateway_upstream_in_flight{"))
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines)
