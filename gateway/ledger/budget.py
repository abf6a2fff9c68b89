"""Holds: what a call may cost is set aside before it. What it did cost is in `ledger.writes`.

Decides nothing about money itself: that is one function of the library, whole or not at all, which may be
repeated. Here a refusal becomes an error that says what its reader can do. Whoever reserves must settle or
void, and must not be cancelled in between: an answer that was not waited for may have set money aside.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.core.books import Account, Balance, Hold
from gateway.core.budgets import Alert, Period, Span, day_of, month_of
from gateway.core.claims import Claimed, Stands
from gateway.core.errors import BooksAway, InternalError, KeyReused, NotFound, UnknownKey
from gateway.core.keys import Key
from gateway.ledger import layout, refusals
from gateway.ledger.claims import Bid
from gateway.ledger.records import account_of, balance_of
from gateway.ledger.store import Store
from gateway.ledger.together import Answered, Together, side_by_side
from gateway.ledger.zones import zone_of

_UTC = "UTC"

# So often a store may say that another day or zone is right: once for each of them, and at midnight once more.
_TRIES = 4

# So many requests are made of a function at once; the server does nothing else meanwhile.
_AT_ONCE = 32

_MOST_ZONES = 10_000


@dataclass(slots=True)
class Books:
    """The accounts of teams, keys and the operator, in a store. `today` is the wall clock, in seconds since 1970."""

    store: Store
    today: Callable[[], float]
    _zones: dict[str, str] = field(default_factory=dict)  # by team, as the store last said
    _present: dict[str, "_When"] = field(default_factory=dict)  # by zone
    _ahead_s: float = 0.0  # of our clock the store's
    _together: "Together[_Wanted]" = field(init=False)

    def __post_init__(self) -> None:
        self._together = Together(self._reserve)

    async def reserve(self, call_ids: Sequence[str], key: Key, nanos: int, *, lease_s: float) -> list[Hold]:
        """Sets `nanos` aside for each call if the budgets and rates of key and team allow all of them, else for none.

        Asked again it gives the same holds. Raises `OverBudget`, `TooFast`, `UnknownKey` for a key revoked
        meanwhile, and `BooksAway`. After `lease_s` seconds a hold that nobody ended may be taken for lost.
        """
        holds = await self.admit(call_ids, key, nanos, lease_s=lease_s, bid=None)
        assert isinstance(holds, list)
        return holds

    async def admit(
        self, call_ids: Sequence[str], key: Key, nanos: int, *, lease_s: float, bid: Bid | None
    ) -> list[Hold] | Claimed:
        """As `reserve`, if there is no answer yet that the request may claim; then nothing is set aside.

        Without calls it sets nothing aside, and only says what may be claimed.
        Raises `KeyReused` too, for an Idempotency-Key that stands for another request.
        """
        when, (state, *rest) = await self._together.ask(_Wanted(tuple(call_ids), key, nanos, lease_s, bid))
        if state == "open":
            return list(_holds(call_ids, key, when.since, rest))
        if state == "claimed":
            return Claimed(rest[0], Stands(rest[1]), rest[2])
        if state == "reused":
            raise KeyReused
        if state == "over":
            error = refusals.over(nanos * len(call_ids), rest[:5], when.ends, self._now())
            error.alerts = _alerts(rest[5:])
            raise error
        if state == "fast":
            raise refusals.fast(len(call_ids), rest)
        if state == "unknown":
            raise UnknownKey("this key is not known any more; ask for a new one")
        raise InternalError(f"call {rest[0]} has ended already and can hold nothing")

    async def _reserve(self, wanted: Sequence["_Wanted"], answered: Answered) -> None:
        """What is wanted for one key in one moment is asked for in one function, if that is not too much for one."""
        places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place, each in enumerate(wanted):
            places[each.key.team, each.key.id].append(place)

        async def reserve(some: list[int]) -> None:
            try:
                when, answers = await self._reserve_for_one([wanted[place] for place in some])
            except BooksAway as away:
                for place in some:
                    answered(place, _same(away))  # each is told of a call of its own
            else:
                for place, answer in zip(some, answers, strict=True):
                    answered(place, (when, answer))

        parts = [all_of[at : at + _AT_ONCE] for all_of in places.values() for at in range(0, len(all_of), _AT_ONCE)]
        await side_by_side([reserve(part) for part in parts])

    async def _reserve_for_one(self, wanted: Sequence["_Wanted"]) -> tuple["_When", list[list[str]]]:
        """When, as the store agrees, and its answer to each of them, all of one key."""
        key = wanted[0].key
        team = key.team
        keys = [layout.account(team), layout.key(team, key.id), layout.open_calls(team), layout.ledger(team)]
        keys += [place for each in wanted for place in each.places()]
        for _ in range(_TRIES):
            when = self._when(team)
            args = [key.id, *when.words(), *(word for each in wanted for word in each.words())]
            answers: list[list[str]] = await self.store.call("reserve", keys, args)
            state, *rest = answers[0]
            if not self._corrected(team, state, rest):
                break
        return when, answers if len(answers) == len(wanted) else answers * len(wanted)

    async def balance(self, key: Key) -> Balance:
        """The key's own account; raises `NotFound`."""
        return await self._balance(layout.key(key.team, key.id), f"key {key.id}")

    async def team_balance(self, team_id: str) -> Balance:
        """The team's account, which is that of all its keys; raises `NotFound`."""
        return await self._balance(layout.account(team_id), f"team {team_id}")

    async def account(self, team_id: str, key_id: str | None = None) -> Account:
        """All that a team's account, or that of a key of it, says at the moment; raises `NotFound`."""
        whose = layout.account(team_id) if key_id is None else layout.key(team_id, key_id)
        record = await self.store.record(whose)
        await self._learn(team_id)
        when = self._when(team_id)
        beside = await self.store.records(
            [layout.sums(team_id, each, span.begins) for each, span in when.spans.items()]
        )
        account = account_of(record, key_id or "team", when.since, dict(zip(when.spans, beside, strict=True)))
        if account is None:
            raise NotFound(f"there is no {f'team {team_id}' if key_id is None else f'key {key_id}'}")
        return account

    async def operator_balance(self) -> Balance:
        """What the operator has paid for attempts that no caller owes, and as `held` what it may have to pay."""
        record = await self.store.record(layout.OPERATOR)
        return Balance(int(record.get("spent", 0)), int(record.get("held", 0)), budget_nanos=None)

    async def since(self, team_id: str) -> str:
        """In which day and month a call of this team counts that comes now, as `Hold.since`."""
        await self._learn(team_id)
        return self._when(team_id).since

    def since_without(self, team_id: str) -> str:
        """The same, as far as it is known without the store."""
        return self._when(team_id).since

    async def _learn(self, team_id: str) -> None:
        """Which time zone a team has."""
        team = await self.store.record(layout.account(team_id))
        self._note(team_id, team.get("zone", _UTC))

    def _note(self, team_id: str, zone: str) -> None:
        if len(self._zones) >= _MOST_ZONES:
            self._zones.clear()
        self._zones[team_id] = zone

    def _when(self, team_id: str) -> "_When":
        name, now = self._zones.get(team_id, _UTC), self._now()
        when = self._present.get(name)
        if when is None or not when.holds(now):
            zone = zone_of(name)
            when = _When(name, {Period.DAY: day_of(now, zone), Period.MONTH: month_of(now, zone)})
            self._present[name] = when
        return when

    def _now(self) -> float:
        return self.today() + self._ahead_s

    def _corrected(self, team_id: str, state: str, rest: Sequence[str]) -> bool:
        """Whether the store says that it is another day, or another zone."""
        if state == "zone":
            self._note(team_id, rest[0])
        elif state == "clock":
            self._ahead_s = int(rest[0]) / 1000 - self.today()
        return state in ("zone", "clock")

    async def _balance(self, account: str, whose: str) -> Balance:
        balance = balance_of(await self.store.record(account))
        if balance is None:
            raise NotFound(f"there is no {whose}")
        return balance


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request: as many calls as it has ids, the same for each."""

    call_ids: tuple[str, ...]
    key: Key
    nanos: int
    lease_s: float
    bid: Bid | None

    def places(self) -> list[str]:
        calls = [layout.call(self.key.team, call_id) for call_id in self.call_ids]
        return calls if self.bid is None else [*calls, self.bid.place]

    def words(self) -> list[str]:
        lease_ms, count = round(self.lease_s * 1000), len(self.call_ids)
        return [str(self.nanos), str(lease_ms), str(count), *self.call_ids, self.bid.text if self.bid else ""]


@dataclass(frozen=True, slots=True)
class _When:
    """In which day and month, of which zone, a call comes."""

    zone: str
    spans: dict[Period, Span]

    def holds(self, now: float) -> bool:
        return all(span.begins <= now < span.ends for span in self.spans.values())

    @property
    def since(self) -> str:
        return " ".join(str(span.begins) for span in self.spans.values())

    @property
    def ends(self) -> dict[Period, int]:
        return {period: span.ends for period, span in self.spans.items()}

    def words(self) -> list[str]:
        return [self.zone, self.since, *(str(ends) for ends in self.ends.values())]


def _same(away: BooksAway) -> BooksAway:
    found = BooksAway(away.message)
    found.__cause__ = away.__cause__
    return found


def _holds(call_ids: Sequence[str], key: Key, since: str, rest: list[str]) -> Iterator[Hold]:
    capped, left, told, *words = rest
    passed, held = _alerts(words[: int(told)]), words[int(told) :]
    left_nanos = int(left) if left else None
    for call_id, nanos in zip(call_ids, held, strict=True):
        yield Hold(call_id, key.team, key.id, int(nanos), capped == "capped", since, left_nanos, passed)


def _alerts(words: Sequence[str]) -> tuple[Alert, ...]:
    rows = zip(words[::3], words[1::3], words[2::3], strict=True)
    return tuple(Alert(whose, Period(period), int(percent)) for whose, period, percent in rows)
