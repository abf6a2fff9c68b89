"""The lanes as they stand: what each is sent with, how much is in flight, whose credential is refused.

A lane's secret is in here and goes nowhere else but into a request's header.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.core.groups import Lane
from gateway.core.plan import LaneView

# How long a lane goes to the end of every plan: when its credential was refused, and when its address could not be
# reached, which costs the next call up to the connect time-out to find out again.
REFUSED_S = 60.0
UNREACHABLE_S = 15.0


@dataclass(frozen=True, slots=True)
class Access:
    """How to send on a lane: its key and the header it goes in, and the names it has for our models.

    `header` "authorization" takes the key as a bearer token, any other takes it bare.
    """

    lane: Lane
    key: str
    header: str
    names: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<Access {self.lane.name}>"

    @property
    def credential(self) -> str:
        return f"Bearer {self.key}" if self.header == "authorization" else self.key

    def url(self, model_id: str, *, streams: bool) -> str:
        name = self.names.get(model_id, model_id)
        verb = "streamGenerateContent?alt=sse" if streams else "generateContent"
        return f"{self.lane.url}/v1beta/models/{name}:{verb}"

    def scrubbed(self, text: str) -> str:
        """An upstream's words without the key, which some of them repeat."""
        return text.replace(self.key, "***")


def access(lane: Lane, key: str, *, auth: str, names: Mapping[str, str]) -> Access:
    """`auth` is "bearer" or the name of a header that takes the bare key."""
    return Access(lane, key, "authorization" if auth == "bearer" else auth, names)


class LaneState:
    """What moves about a lane."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.in_flight = 0
        self._usable_from = 0.0

    def usable(self, now: float) -> bool:
        return now >= self._usable_from

    def refuse(self, now: float) -> None:
        """Its credential was refused: others go first for a while."""
        self._behind_until(now + REFUSED_S)

    def unreachable(self, now: float) -> None:
        """No connection to its address: others go first for a while."""
        self._behind_until(now + UNREACHABLE_S)

    def _behind_until(self, moment: float) -> None:
        self._usable_from = max(self._usable_from, moment)

    def __repr__(self) -> str:
        return f"<LaneState {self.access.lane.name} {self.in_flight} in flight>"


class Lanes:
    """All lanes, in the order of their groups. `cheapest` is the least multiplier among them."""

    def __init__(self, accesses: Iterable[Access]) -> None:
        self._states = {access.lane.name: LaneState(access) for access in accesses}
        self.cheapest = min(state.access.lane.group.multiplier for state in self)

    def __iter__(self) -> Iterator[LaneState]:
        return iter(self._states.values())

    def state(self, lane: Lane) -> LaneState:
        return self._states[lane.name]

    def refused(self, lane: Lane, now: float) -> None:
        """A lane's credential was refused: whichever lanes send the same one are out with it."""
        key = self.state(lane).access.key
        for state in self:
            if state.access.key == key:
                state.refuse(now)

    def views(self, now: float) -> list[LaneView]:
        return [LaneView(state.access.lane, state.usable(now)) for state in self]
