"""What the admin API answers, for its description and for clients made from that. `shapes` makes them.

Amounts are decimal strings of dollars, moments are seconds since 1970, null is "no limit" or "not known". A later
release may tell more.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.core.drill import Ailment
from gateway.core.keys import Mode, Show


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Account(Answer):
    metadata: dict[str, str]
    budget_usd: str | None
    spent_usd: str
    held_usd: str
    budget_day_usd: str | None
    spent_day_usd: str
    held_day_usd: str
    budget_month_usd: str | None
    spent_month_usd: str
    held_month_usd: str
    soft_budget: bool
    alert_percents: list[int]
    requests_per_minute: int | None
    pictures_per_minute: int | None
    concurrency: int | None
    running: int = Field(description="Calls that run at the moment.")


class Team(_Account):
    id: str
    name: str
    created_at: int
    time_zone: str
    premium_hour_usd: str | None
    premium_hour_drawn_usd: str
    premium_day_usd: str | None
    premium_day_drawn_usd: str


class RevokedTeam(Team):
    revoked_keys: list[str] = Field(description="Those that were live.")


class Teams(Answer):
    teams: list[Team]


class OldSecret(Answer):
    hint: str
    ends_at: int


class Key(_Account):
    id: str
    team: str
    name: str
    hint: str = Field(description="The last four characters of its secret.")
    created_at: int
    revoked_at: int | None
    expires_at: int | None
    rotated_at: int | None
    old_secrets: list[OldSecret] = Field(description="Those that are still good.")
    models: list[str] | None
    groups: list[str] | None
    max_multiplier: str | None
    chat_pictures: Show | None
    failover: Mode | None
    retain: bool


class KeyWithSecret(Key):
    key: str = Field(description="The secret, which is shown this once.")


class Keys(Answer):
    keys: list[Key]


class Drill(Answer):
    id: str
    group: str
    kind: Ailment
    key: str | None
    team: str | None
    share: float | None
    delay_s: float | None
    begins_at: int
    ends_at: int
    left_s: int
    note: str


class Drills(Answer):
    drills: list[Drill]


class Change(Answer):
    before: Any
    after: Any


class Entry(Answer):
    at: float
    who: str
    door: str = Field(examples=["api", "cli"])
    action: str = Field(examples=["key.created"])
    subject: str
    team: str | None
    changes: dict[str, Change]


class Trail(Answer):
    entries: list[Entry]
    cursor: str | None = Field(description="Asks for what came before these; null: nothing did.")


class Adjustment(Answer):
    key: str
    name: str = Field(description="Under which it was made, once.")
    usd: str = Field(description="By how much, as it was made first.")


class LedgerFound(Answer):
    ledger: str = Field(description="The team's, or `operator`.")
    rows: int
    spent_usd: str
    held_usd: str
    faults: list[str]
    archived_rows: int = Field(description="How many have left the store; they were read too, unless `begins_after`.")
    begins_after: str | None = Field(description="The row that was begun after, where the archive was not read.")


class Verified(Answer):
    right: bool
    ledgers: list[LedgerFound]


class UnsettledAttempt(Answer):
    attempt: str
    call: str
    team: str
    model: str
    size: str
    group: str
    lane: str
    began_at: float | None
    unsettled_at: float
    age_s: int
    held_usd: str
    exact: bool


class UnsettledCall(Answer):
    call: str
    team: str
    key: str
    held_usd: str
    unsettled_at: float
    until: float = Field(description="Then the operator has paid.")


class Unsettled(Answer):
    attempts: list[UnsettledAttempt]
    calls: list[UnsettledCall]
    earlier_usd: str = Field(description="Held for attempts that an earlier release has noted.")


class Resolution(Answer):
    attempt: str
    resolved: str = Field(examples=["billed", "unbilled"])
    usd: str
    why: str


class LogLine(Answer):
    day: str
    model: str
    group: str
    calls: int
    seller_calls: int
    tokens: int
    seller_tokens: int
    usd: str
    seller_usd: str
    difference_usd: str
    rounding_usd: str
    unsettled_usd: str
    moved_usd: str
    differs: bool


class LogClocks(Answer):
    checked: int
    found: int
    ahead_s: float
    doubt: str | None


class LogAttempt(Answer):
    attempt: str
    held_usd: str
    resolved: str | None
    usd: str | None
    because: str
    settled: bool


class HeldCall(Answer):
    call: str
    team: str
    held_usd: str


class Reconciled(Answer):
    since: str
    until: str
    lines: list[LogLine]
    total: LogLine
    differences: int
    clocks: LogClocks
    attempts: list[LogAttempt]
    unsettled_calls: list[HeldCall]
