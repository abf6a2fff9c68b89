"""Who calls and who pays: teams and their virtual keys.

A Key here is what the books know of it. Its secret is not in it, only a name of that, which nobody can call with. Spent
and held amounts change with every call and live in the ledger.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from gateway.core.allowance import Caps
from gateway.core.budgets import Budget, Rates
from gateway.core.groups import Group
from gateway.core.metadata import Metadata


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
    metadata: Metadata = ()


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
    the calling program is known to look. `failover` None: as the gateway is configured. `retain`: its answers may
    be kept for whoever comes back for them.
    """

    budget: Budget = Budget()
    rates: Rates = Rates()
    max_multiplier: Fraction | None = None
    models: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    expires_at: float | None = None
    chat_pictures: Show | None = None
    failover: Mode | None = None
    retain: bool = True

    @property
    def thrifty(self) -> bool:
        """Whether there may be groups it does not let a call go to, which would rather leave the one that it has."""
        return (self.max_multiplier is not None or self.groups is not None) and self.failover is not Mode.OFF


# An old secret goes on for so long unless it is said: every program has been started anew by then, and whoever
# forgot one hears of it while the reason is still remembered.
OVERLAP_S = 86_400.0

# A key that is rotated four times a year never has more than two secrets.
LONGEST_OVERLAP_S = 92 * 86_400.0

# Of one key that are good beside the present one: each is a way in.
MOST_OLD_SECRETS = 8


@dataclass(frozen=True, slots=True)
class OldSecret:
    """A secret that another has replaced, good until `ends_at`. Its name is "" if an earlier release made it."""

    name: str
    hint: str
    ends_at: float


@dataclass(frozen=True, slots=True)
class Key:
    """A virtual key of a team. `hint` is the part of the secret that may be shown: its last four characters.

    `secret_name` is by what the secret is known; "" if an earlier release made it. `old_secrets` are those that were
    good beside it when it was last rotated.
    """

    id: str
    team: str
    name: str
    hint: str
    limits: Limits
    created_at: float
    revoked_at: float | None = None
    secret_name: str = ""
    rotated_at: float | None = None
    old_secrets: tuple[OldSecret, ...] = ()
    metadata: Metadata = ()

    def live(self, now: float) -> bool:
        if self.revoked_at is not None:
            return False
        return self.limits.expires_at is None or now < self.limits.expires_at

    def opened_by(self, secret_name: str, now: float) -> bool:
        """Whether it is live, and the secret of this name is its own or an old one that is still good."""
        if secret_name == self.secret_name:
            return self.live(now)
        return any(old.name == secret_name for old in self.still_good(now))

    def still_good(self, now: float) -> tuple[OldSecret, ...]:
        """Its old secrets that are good now, each with when it ends, which is with the key at the latest."""
        if not self.live(now):
            return ()
        last = self.limits.expires_at
        return tuple(
            old if last is None else replace(old, ends_at=min(old.ends_at, last))
            for old in self.old_secrets
            if now < old.ends_at
        )

    def allows_model(self, model_id: str) -> bool:
        return self.limits.models is None or model_id in self.limits.models

    def allows_group(self, group: Group) -> bool:
        limits = self.limits
        if limits.groups is not None and group.name not in limits.groups:
            return False
        return limits.max_multiplier is None or group.multiplier <= limits.max_multiplier
