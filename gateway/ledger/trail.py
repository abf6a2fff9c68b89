"""The trail of what administrators did, read from the newest row on.

There is one for each team, one for the operator's account, one for drills and one for jobs, each in the slot of what it
tells of: so a row is written in the same step as the change. Here they are one. A row of a job says whose that was.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any

from redis.asyncio import Redis

from gateway.core.errors import BadRequest
from gateway.core.trail import Deed, deed_of
from gateway.ledger import layout
from gateway.ledger.store import Store

# That are told at once.
MOST = 1000

_STREAMS_AT_ONCE = 500
_ROWS_AT_ONCE = 200

_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,9})@(\S{1,100})")


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first; `cursor` asks for those before them, None: there are none."""

    deeds: tuple[Deed, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """Where a row is in the order of all of them: by its name, which is a time and a number, and then by its stream."""

    ms: int
    number: int
    stream: str

    def __str__(self) -> str:
        return f"{self.ms}-{self.number}@{self.stream}"


@dataclass(frozen=True, slots=True)
class _Row:
    place: _Place
    fields: dict[str, str]


class Trail:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<Trail in {self._store}>"

    async def page(
        self, *, limit: int, since: float | None = None, subject: str | None = None, cursor: str | None = None
    ) -> Page:
        """At most `limit` of what was done since a time, in seconds since 1970, before the page that gave the cursor.

        `subject` is a key, a drill, a job or an attempt, or a team, which stands for its keys and jobs too. Raises
        `BadRequest` whose `param` is what is wrong, and `BooksAway`.
        """
        if not 1 <= limit <= MOST:
            raise BadRequest(f"1 to {MOST} are told at once", param="limit")
        last = None if cursor is None else _place_of(cursor)
        teams = await self._store.record(layout.TEAMS)
        whose = None if subject is None else await self._team_of(subject, teams)
        streams = list(_streams(teams, subject, whose))
        until = "-" if since is None else str(max(0, round(since * 1000)))
        look = _Look(limit + 1, until, last, subject, whole_team=subject in teams)
        found: list[_Row] = []
        for at in range(0, len(streams), _STREAMS_AT_ONCE):
            some = await self._newest(streams[at : at + _STREAMS_AT_ONCE], look)
            found = nlargest(limit + 1, [*found, *some], key=_place)
        rows = found[:limit]
        deeds = tuple(deed_of(row.place.ms / 1000, layout.team_of_trail(row.place.stream), row.fields) for row in rows)
        return Page(deeds, str(rows[-1].place) if len(found) > limit else None)

    async def _team_of(self, subject: str, teams: dict[str, str]) -> str | None:
        if subject in teams:
            return subject
        return (await self._store.record(layout.pointer(subject))).get("team")

    async def _newest(self, streams: Sequence[str], look: "_Look") -> list[_Row]:
        """What these streams have together, the newest first, as many as are looked for."""
        found: list[_Row] = []
        starts = {stream: look.start(stream) for stream in streams}
        while starts:
            pages = await self._store.ask_all(list(starts), look.command(starts))
            following = {}
            for stream, page in zip(starts, pages, strict=True):
                rows = [_Row(_place_of(f"{name}@{stream}"), fields) for name, fields in page]
                found = nlargest(look.count, [*found, *filter(look.wants, rows)], key=_place)
                if len(page) == look.at_once and (len(found) < look.count or rows[-1].place > found[-1].place):
                    following[stream] = f"({page[-1][0]}"
            starts = following
        return found


@dataclass(frozen=True, slots=True)
class _Look:
    """How many rows are looked for, back to which name, before which place, and about what, or about which team."""

    count: int
    until: str
    before: _Place | None
    subject: str | None
    whole_team: bool

    @property
    def at_once(self) -> int:
        """Of each stream: where most rows may be about something else it is worth to read more of them."""
        return self.count if self.subject is None else max(self.count, _ROWS_AT_ONCE)

    def wants(self, row: _Row) -> bool:
        if self.whole_team and row.place.stream == layout.JOBS_TRAIL:
            return row.fields.get("team") == self.subject
        return self.whole_team or self.subject in (None, row.fields["subject"])

    def start(self, stream: str) -> str:
        """The name from which on a stream has rows that come after the place in the order from the newest on."""
        if self.before is None:
            return "+"
        name = f"{self.before.ms}-{self.before.number}"
        return name if stream < self.before.stream else f"({name}"

    def command(self, starts: dict[str, str]) -> Callable[[Redis, str], Any]:
        return lambda client, stream: client.xrevrange(stream, starts[stream], self.until, count=self.at_once)


def _place(row: _Row) -> _Place:
    return row.place


def _streams(teams: dict[str, str], subject: str | None, whose: str | None) -> Iterator[str]:
    if whose is not None:
        yield layout.trail(whose)
        if whose == subject:
            yield layout.JOBS_TRAIL
        return
    yield layout.DRILLS_TRAIL
    yield layout.JOBS_TRAIL
    yield layout.OPERATOR_TRAIL
    if subject is None:
        yield from map(layout.trail, sorted(teams))


def _place_of(text: str) -> _Place:
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise BadRequest("is none that an answer has given", param="cursor")
    return _Place(int(match[1]), int(match[2]), match[3])
