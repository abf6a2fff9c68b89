"""Calls as the ledgers tell them: the newest first, page by page, or one by its id.

Reads rows, and a bounded number of them whatever is asked. Of a call the row that begins it and the last one about it
are told apart by time alone: so the calls at the upper edge of a page, whose ends are on the page before, are looked
for forward from there.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.core.call import came_ms
from gateway.core.errors import NotFound
from gateway.core.paging import Place, Read, page_of
from gateway.core.past import PastCall, Payer, Row, State, begins, ended_as, ends, past_call, with_paid
from gateway.ledger import layout
from gateway.ledger.rows import Mark, Rows
from gateway.ledger.shelf import Lack, Shelf
from gateway.ledger.store import Store
from gateway.ledger.volumes import order

# So many rows of a ledger are read for a page, and so many forward for the ends of its calls.
_MOST_BACK = 10_000
_MOST_FORWARD = 5_000
_AT_ONCE = 500

# For one call it may have to be a day's.
_MOST_SEARCHED = 400_000

# An id tells when its call came, by the clock of a gateway, which may be so much ahead of the store's. A body may be
# slow, so its row may be much later.
_AHEAD_MS = 60_000
_DAY_MS = 86_400_000

# Within it all attempts of a call are over, and on the operator's account if they are to be.
_LASTS_MS = 1_800_000

_Named = tuple[str, Row]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls: of a team or of all, of one key or of all, not before `since` (seconds since 1970)."""

    team: str | None = None
    key_id: str | None = None
    since: float = 0.0


@dataclass(slots=True)
class _Back:
    """What was read of a ledger, from a place on back: rows that begin calls, and the last about each that tell how
    one stands; and down to where, None: to the end of what was asked for."""

    begun: dict[Place, _Named] = field(default_factory=dict)
    ends: dict[str, _Named] = field(default_factory=dict)
    down_to: Place | None = None


@dataclass(frozen=True, slots=True)
class PastCalls:
    """All methods raise `BooksAway`. A page is of what the store has; one call is looked for on the shelf too."""

    store: Store
    shelf: Shelf | None = None

    async def page(self, wanted: Wanted, limit: int, after: Place | None = None) -> tuple[list[PastCall], Place | None]:
        """The newest calls that come behind a place, at most `limit`, and the place for the next page.

        A page may be shorter, and even empty, where few of many calls are wanted.
        """
        teams = sorted(await self.store.record(layout.TEAMS)) if wanted.team is None else [wanted.team]
        backs = [await self._back(team, wanted, limit, after) for team in teams]
        shown, rest = page_of([Read(list(back.begun), back.down_to) for back in backs], limit)
        calls: dict[Place, PastCall] = {}
        for team, back in zip(teams, backs, strict=True):
            begun = {place: back.begun[place] for place in shown if place.team == team}
            calls |= await self._told(team, begun, back.ends, after)
        return [calls[place] for place in shown], rest

    async def find(self, call_id: str, *, team: str | None = None, key_id: str | None = None) -> PastCall:
        """One call, of a team or key or of any, with all that the operator's ledger tells of its attempts.

        Raises `NotFound`: there is no such call, or none of theirs, or it is so long ago that nobody knows.
        """
        teams = sorted(await self.store.record(layout.TEAMS)) if team is None else [team]
        found = await self._records(teams, call_id, key_id)
        for each, record in found.items():
            if call := await self._search(each, call_id, record):
                return await self._paid(call)
        if not found and await self._records(teams, f"{call_id}.1", key_id):
            raise NotFound(f"call {call_id} was for several pictures, each a call of its own: {call_id}.1 and so on")
        raise NotFound(f"there is no call {call_id}, or the ledger has its rows no more")

    async def spent(self, calls: Sequence[tuple[str, str, str]]) -> list[int | None]:
        """What each of these cost, by team, key and id, in nano-dollars; None: it is not known, or not yet.

        Of any number it is one question: their rows are not looked for.
        """
        records = await self.store.records([layout.call(team, call_id) for team, _, call_id in calls])
        whose = zip(calls, records, strict=True)
        return [_spent(record) if record.get("key") == key_id else None for (_, key_id, _), record in whose]

    async def _records(self, teams: Sequence[str], call_id: str, key_id: str | None) -> dict[str, Row]:
        """How a call stands, by the team that has one of this id."""
        records = await self.store.records([layout.call(each, call_id) for each in teams])
        known = zip(teams, records, strict=True)
        return {team: each for team, each in known if "state" in each and key_id in (None, each["key"])}

    async def _back(self, team: str, wanted: Wanted, limit: int, after: Place | None) -> _Back:
        back, read = _Back(), 0
        before = "+" if after is None else after.before(team)
        at_once = min(_AT_ONCE, 2 * limit) if wanted.key_id is None else _AT_ONCE  # a call has two rows, seldom three
        async for name, row in self.store.rows_back(layout.ledger(team), before=before, at_once=at_once):
            place, read = Place.of(name, team), read + 1
            if place.ms < wanted.since * 1000:
                break
            if ends(row):
                back.ends.setdefault(row["call"], (name, row))
            elif begins(row) and wanted.key_id in (None, row["key"]):
                back.begun[place] = (name, row)
            if len(back.begun) == limit or read == _MOST_BACK:
                back.down_to = place
                break
        return back

    async def _told(
        self, team: str, begun: Mapping[Place, _Named], known: Mapping[str, _Named], after: Place | None
    ) -> dict[Place, PastCall]:
        """The calls that these rows begin; how some stand may be told above the place that the page is behind."""
        doubtful = [row["call"] for _, row in begun.values() if row["call"] not in known] if after else []
        records = await self.store.records([layout.call(team, call_id) for call_id in doubtful])
        stand = dict(zip(doubtful, records, strict=True))
        states = {call_id: _state(record) for call_id, record in stand.items()}
        above = await self._ends(team, states, after) if after else {}
        calls = {}
        for place, (name, row) in begun.items():
            call = past_call(team, name, row, known.get(row["call"]) or above.get(row["call"]))
            calls[place] = _as_recorded(call, stand.get(call.id, {}))
        return calls

    async def _ends(self, team: str, stand: Mapping[str, State | None], after: Place) -> dict[str, _Named]:
        """The rows above a place that say how these calls stand, of which that is known from elsewhere, or nothing."""
        sought = {call_id: state for call_id, state in stand.items() if state is not State.OPEN}
        found: dict[str, _Named] = {}
        read = 0
        async for name, row in self.store.rows(layout.ledger(team), "+", first=f"({after.name}"):
            read += 1
            call_id = row["call"]
            if len(found) == len(sought) or read > _MOST_FORWARD:
                break
            if call_id in sought and ends(row) and sought[call_id] in (None, ended_as(row)):
                found[call_id] = (name, row)
        return found

    async def _search(self, team: str, call_id: str, record: Row) -> PastCall | None:
        """A call of which there is a record, from its rows: where its id says that they are, else in all of its day."""
        came, since = came_ms(call_id), record.get("since")  # of one that is settled there is none
        day = int(since.partition(" ")[0]) * 1000 if since else 0
        near = came is not None and (since is None or abs(came - day) < 2 * _DAY_MS)
        for first_ms in (came - _AHEAD_MS, day) if came is not None and near else (day,):
            if call := await self._forward(team, call_id, first_ms, State(record["state"])):
                return call
        return None

    async def _forward(self, team: str, call_id: str, first_ms: int, state: State) -> PastCall | None:
        begun: _Named | None = None
        read = 0
        async for name, row in self._rows(layout.ledger(team), first_ms):
            read += 1
            if read > _MOST_SEARCHED:
                break
            if row["call"] != call_id:
                continue
            if begins(row):
                begun = (name, row)
            if begun and (state is State.OPEN or (ends(row) and ended_as(row) is state)):
                return past_call(team, *begun, None if state is State.OPEN else (name, row))
        return None

    async def _rows(self, ledger: str, since_ms: int) -> AsyncIterator[_Named]:
        async for each in Rows(self.store, self.shelf).read(ledger, since_ms=since_ms):
            if not isinstance(each, Lack | Mark):
                yield each

    async def _paid(self, call: PastCall) -> PastCall:
        sought = {each.id for each in call.attempts if each.payer is not Payer.KEY}
        if not sought:
            return call
        first = round(call.at * 1000)
        found: dict[str, Row] = {}
        read = 0
        async for name, row in self._rows(layout.OPERATOR_LEDGER, first):
            read += 1
            if read > _MOST_FORWARD or order(name)[0] > first + _LASTS_MS:
                break
            if row["attempt"] in sought:
                found[row["attempt"]] = row
        records = await self.store.records([layout.unsettled(each) for each in found])
        for attempt_id, record in zip(found, records, strict=True):
            if "resolved" in record:
                found[attempt_id] = {**record, "do": "resolve", "why": record["resolved_why"]}
        return with_paid(call, found)


def _as_recorded(call: PastCall, record: Row) -> PastCall:
    """The call as it stands, also where the row that says so was not found."""
    state = _state(record)
    if state in (None, call.state):
        return call
    return replace(call, state=state, spent_nanos=int(record.get("spent", 0)))


def _spent(record: Row) -> int | None:
    state = _state(record)
    return int(record.get("spent", 0)) if state in (State.SETTLED, State.VOIDED) else None


def _state(record: Row) -> State | None:
    """How a call stands by its record; None: nobody knows any more."""
    return State(record["state"]) if "state" in record else None
