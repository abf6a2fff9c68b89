"""Drills: a group made dead, silent or slow for some calls and for a while, so that a team can try its own clients.

Decides what a drill may be, which calls one touches, and what comes of an attempt that one held up. It knows
no store, no clock and no connection: the group itself is well, and everybody else's calls go on as ever.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.call import Call
from gateway.core.errors import BadRequest
from gateway.core.groups import Group
from gateway.core.outcome import Billed, Outcome, Verdict, outcome
from gateway.core.terms import one_of, within

# Nobody remembers one for longer.
LONGEST_S = 3600.0
USUAL_S = 600.0

# Slower than this is not slow: it is late by any line, and `hang` shows that.
LONGEST_DELAY_S = 300.0

LONGEST_NOTE = 200


class Ailment(StrEnum):
    """What a drill does to attempts on its group."""

    DEAD = "dead"  # refused at once, as by a seller without capacity; nothing is sent
    HANG = "hang"  # no answer until the drill or the attempt's time is over; nothing is sent
    SLOW = "slow"  # sent after a delay


@dataclass(frozen=True, slots=True)
class OneKey:
    key_id: str


@dataclass(frozen=True, slots=True)
class OneTeam:
    team: str


@dataclass(frozen=True, slots=True)
class Share:
    """Of all calls, this part of 1: the same for whoever looks, since it is counted out by their ids."""

    of_all: float


Whom = OneKey | OneTeam | Share

# The most particular counts: what is said of a key goes before what is said of its team, and of all.
_RANKS: dict[type[Whom], int] = {OneKey: 0, OneTeam: 1, Share: 2}


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, from `begins_at` until `ends_at` on the clock of the store. `delay_s` is 0 unless it is slow."""

    id: str
    group: str
    ailment: Ailment
    whom: Whom
    delay_s: float
    begins_at: float
    ends_at: float
    note: str

    def on(self, now: float) -> bool:
        return self.begins_at <= now < self.ends_at

    def means(self, call: Call) -> bool:
        match self.whom:
            case OneKey(key_id):
                return call.key.id == key_id
            case OneTeam(team):
                return call.key.team == team
            case Share(of_all):
                return _part(f"{self.id} {call.id}") < of_all


def named(drills: Iterable[Drill]) -> str:
    """Their ids, as heads and log lines tell them; empty when there are none."""
    return ", ".join(drill.id for drill in drills)


def touching(drills: Iterable[Drill], call: Call, ways: Mapping[str, bool], now: float) -> tuple[Drill, ...]:
    """The drills that touch a call: at most one for each group that it may go to.

    `ways` are these groups by name, and whether each is well. Whoever did not ask to be drilled must not
    be harmed: a share of all calls touches only those that have a well group left which no drill touches.
    """
    touched: dict[str, Drill] = {}
    for drill in sorted(drills, key=lambda each: (_RANKS[type(each.whom)], -each.begins_at, each.id)):
        if drill.group in touched or drill.group not in ways or not (drill.on(now) and drill.means(call)):
            continue
        left = [group for group, well in ways.items() if well and group != drill.group and group not in touched]
        if left or not isinstance(drill.whom, Share):
            touched[drill.group] = drill
    return tuple(touched.values())


def held_s(drill: Drill, total_s: float, now: float) -> float:
    """For how long an attempt of at most `total_s` is held up, if nothing else happens."""
    most_s = {Ailment.DEAD: 0.0, Ailment.HANG: total_s, Ailment.SLOW: min(drill.delay_s, total_s)}[drill.ailment]
    return max(0.0, min(most_s, drill.ends_at - now))


def lets_go(drill: Drill, *, late: bool) -> bool:
    """Whether a race that another attempt has won is over for one that is held up, so that it holds nothing more.

    What is only slow need not be sent any more. What hangs speaks against its group until it is `late`, and
    of that no more than once.
    """
    return drill.ailment is Ailment.SLOW or late


def unsent(drill: Drill, *, decided: bool, late: bool) -> Outcome | None:
    """What came of an attempt that was held up and is not sent, so that nobody bills it; None: it is sent now.

    `decided`: another attempt has won meanwhile; `late`: its time is used up. Neither: the drill has ended, or
    the delay.
    """
    match drill.ailment:
        case Ailment.DEAD:
            return outcome(Verdict.BUSY, message=f"refused by {drill.id}")
        case Ailment.HANG if not (decided or late):
            return outcome(Verdict.UNREACHABLE, message=f"{drill.id} is over")
        case Ailment.SLOW if decided:
            return outcome(Verdict.UNREACHABLE, message=f"held back by {drill.id} until another had won")
        case Ailment.SLOW if not late:
            return None
        case _:
            return Outcome(Verdict.SILENT, Billed.NO, message=f"held back by {drill.id}")


@dataclass(frozen=True, slots=True)
class DrillTerms:
    """A drill as it is asked for, in words: by the commands and the admin API alike."""

    group: str
    kind: str
    key: str | None = None
    team: str | None = None
    share: float | None = None
    delay_s: float | None = None
    lasts_s: float = USUAL_S
    note: str = ""


def drill_of(terms: DrillTerms, groups: Collection[Group], drill_id: str, now: float) -> Drill:
    """The drill that the terms mean; raises `BadRequest` whose `param` is the field that is wrong."""
    known = [group.name for group in groups]
    if terms.group not in known:
        raise BadRequest(f"{terms.group!r} is not a group here; known: {', '.join(known)}", param="group")
    ailment = one_of(Ailment, terms.kind, "kind")
    if len(terms.note) > LONGEST_NOTE:
        raise BadRequest(f"a note has at most {LONGEST_NOTE} characters", param="note")
    lasts_s = within(terms.lasts_s, LONGEST_S, "lasts_s")
    return Drill(
        id=drill_id,
        group=terms.group,
        ailment=ailment,
        whom=_whom(terms),
        delay_s=_delay_s(terms.delay_s, ailment),
        begins_at=now,
        ends_at=now + lasts_s,
        note=terms.note,
    )


def _whom(terms: DrillTerms) -> Whom:
    given = {"key": terms.key, "team": terms.team, "share": terms.share}
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        wrong = f"{' and '.join(named)} are given" if named else "nobody is named"
        raise BadRequest(f"{wrong}; name one key, one team, or a share of all calls", param=(named or ["key"])[0])
    if terms.key is not None:
        return OneKey(terms.key)
    if terms.team is not None:
        return OneTeam(terms.team)
    assert terms.share is not None
    return Share(within(terms.share, 1, "share"))


def _delay_s(delay_s: float | None, ailment: Ailment) -> float:
    if ailment is not Ailment.SLOW:
        if delay_s is not None:
            raise BadRequest(f"only {Ailment.SLOW} takes a delay; leave it out", param="delay_s")
        return 0.0
    if delay_s is None:
        raise BadRequest(f"{Ailment.SLOW} needs one: for so many seconds attempts are held back", param="delay_s")
    return within(delay_s, LONGEST_DELAY_S, "delay_s")


def _part(text: str) -> float:
    """A number from 0 up to 1, always the same for a text and even over all of them."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
