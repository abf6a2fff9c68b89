"""Who calls and who pays: teams and their virtual keys.

A Key here is what the books know of it; its secret is not in it. Spent and held amounts change
with every call and live in the ledger.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.core.allowance import Caps
from gateway.core.budgets import Budget, Rates
from gateway.core.groups import Group


@dataclass(frozen=True, slots=True)
class TeamLimits:
    """What all keys of a team may spend and ask for together. `premium` caps what is spent on dearer groups.

    The days and months of the team and of its keys are those of `time_zone`, by its name in the IANA database.
    """

    budget: Budget = Budget()
    rates: Rates = Rates()
    premium: Caps = Caps()
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Team:
    """Who pays."""

    id: str
    name: str
    limits: TeamLimits
    created_at: float


class Show(StrEnum):
    """Where a chat's answer has its pictures: in an array beside the words, as Markdown among them, or twice."""

    IMAGES = "images"
    MARKDOWN = "markdown"
    BOTH = "both"


class Mode(StrEnum):
    """When a call may leave the group that would serve it for the least, the strictest last."""

    AUTO = "auto"  # when it hangs, fails or is slow
    HANG_ONLY = "hang-only"  # when it hangs or fails: a slow picture is still the cheaper one
    OFF = "off"  # never

    @property
    def strictness(self) -> int:
        return list(Mode).index(self)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key may do; None means everything.

    `chat_pictures` is where its chats have their pictures when the request does not say; None: where
    the calling program is known to look. `failover` None: as the gateway is configured.
    """

    budget: Budget = Budget()
    rates: Rates = Rates()
    max_multiplier: Fraction | None = None
    models: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    expires_at: float | None = None
    chat_pictures: Show | None = None
    failover: Mode | None = None

    @property
    def thrifty(self) -> bool:
        """Whether there may be groups it does not let a call go to, which would rather leave the one that it has."""
        return (self.max_multiplier is not None or self.groups is not None) and self.failover is not Mode.OFF


@dataclass(frozen=True, slots=True)
class Key:
    """A virtual key of a team. `hint` is the part of the secret that may be shown: its last four characters."""

    id: str
    team: str
    name: str
    hint: str
    limits: Limits
    created_at: float
    revoked_at: float | None = None

    def live(self, now: float) -> bool:
        if self.revoked_at is not None:
            return False
        return self.limits.expires_at is None or now < self.limits.expires_at

    def allows_model(self, model_id: str) -> bool:
        return self.limits.models is None or model_id in self.limits.models

    def allows_group(self, group: Group) -> bool:
        limits = self.limits
        if limits.groups is not None and group.name not in limits.groups:
            return False
        return limits.max_multiplier is None or group.multiplier <= limits.max_multiplier
