"""What reports, recent calls and the state of the service look like, for the description and for clients made from it.

Beside `answers`, and in the same terms: amounts are decimal strings of dollars, null is "not known".
"""

from pydantic import Field

from gateway.core.move import Standing
from gateway.core.outcome import Billed, Verdict
from gateway.core.past import Payer, State
from gateway.web.answers import Answer


class UsageRow(Answer):
    """Of the names there are those that `by` tells apart."""

    day: str = Field(default_factory=str, examples=["2026-11-27"])
    team: str = Field(default_factory=str)
    key_id: str = Field(default_factory=str)
    model: str = Field(default_factory=str)
    size: str = Field(default_factory=str)
    group: str = Field(default_factory=str)
    route: str = Field(default_factory=str, description="Empty where an earlier release has counted.")
    hour: str = Field(default_factory=str, examples=["2026-11-27T09:00Z"])
    calls: int
    pictures: int
    input_tokens: int
    output_tokens: int
    usd: str
    saved_usd: str = Field(description="What lanes of the same group that are billed otherwise would have cost more.")
    list_usd: str = Field(description="What Google's own list asks for the same.")
    below_list_usd: str = Field(description="How much less was paid than that.")


class OperatorSpending(Answer):
    spent_usd: str = Field(description="For answers that no caller got.")
    unsettled_usd: str = Field(description="What may come on top.")


class Usage(Answer):
    since: str
    until: str
    operator: OperatorSpending
    rows: list[UsageRow]


class OwnUsage(Answer):
    key_id: str
    team: str
    budget_usd: str | None
    spent_usd: str
    held_usd: str
    budget_day_usd: str | None
    spent_day_usd: str
    held_day_usd: str
    budget_month_usd: str | None
    spent_month_usd: str
    held_month_usd: str


class OwnReport(OwnUsage):
    """With `by`, `since` or `until`."""

    since: str
    until: str
    rows: list[UsageRow]


class WasteRow(Answer):
    group: str = Field(description="Empty where it is not known.")
    cause: str = Field(examples=["race_loss", "caller_left"])
    paid_by: Payer
    answers: int
    usd: str
    unsettled_usd: str = Field(description="What may come on top.")


class Waste(Answer):
    since: str
    until: str
    paid_usd: str = Field(description="For everything.")
    wasted_usd: str
    rows: list[WasteRow]


class Allowances(Answer):
    premium_hour_usd: str | None = Field(description="The most for groups dearer than the cheapest; null: no limit.")
    premium_hour_drawn_usd: str
    premium_day_usd: str | None
    premium_day_drawn_usd: str
    races_hour_usd: str | None = Field(description="The most for answers that lost; null: no limit.")
    races_hour_drawn_usd: str
    races_day_usd: str | None
    races_day_drawn_usd: str


class Group(Answer):
    name: str
    multiplier: str = Field(examples=["1.4"])


class Groups(Answer):
    groups: list[Group]


class Attempt(Answer):
    """A key's holder is not told of lanes, nor of what others have paid."""

    id: str
    group: str
    lane: str | None
    verdict: Verdict | None = Field(description="null: it was on its way when the call ended.")
    status: int | None = Field(description="Of the upstream's answer.")
    took_ms: int | None
    usd: str | None = Field(description="What it cost or, where `billed` is maybe, may cost.")
    billed: Billed | None
    paid_by: Payer | None
    why: str | None = Field(description="What it is on the operator's account for.")


class Call(Answer):
    at: float
    id: str
    team: str | None
    key_id: str | None
    route: str | None
    model: str | None
    size: str | None
    group: str | None
    state: State
    usd: str
    held_usd: str = Field(description="What was set aside when it began.")
    list_usd: str | None = Field(description="What Google's own list asks for the same.")
    pictures: int
    input_tokens: int
    output_tokens: int
    took_ms: int | None
    why: str | None = Field(description="Why nothing was charged.")
    attempts: list[Attempt]
    caller_left: bool


class KeptPicture(Answer):
    number: int = Field(description="As it is fetched by, from 1 on.")
    media_type: str | None = Field(description="null: the model answered without a picture.")
    bytes: int | None = Field(description="null: that is known when it is fetched.")
    reply_bytes: int


class Kept(Answer):
    until: float
    pictures: list[KeptPicture] = Field(description="Those that did not fail.")


class CallAndKept(Call):
    kept: Kept | None = Field(description="What can be fetched of its answer; null: nothing.")


class Calls(Answer):
    calls: list[Call]
    next: str | None = Field(description="The `cursor` of the page behind this one; null: there is none.")


class GroupState(Answer):
    model: str
    standing: Standing
    for_s: float | None = Field(description="For how long; null: never otherwise.")


class WebhookSecret(Answer):
    object: str = Field(examples=["webhook_secret"])
    secret: str = Field(description="whsec_ and base64, as libraries of Standard Webhooks take it.")


class StatusGroup(Group):
    models: list[GroupState]


class Rates(Answer):
    """From 0 to 1; null where there were no calls."""

    now: float | None
    hour: float | None = Field(alias="1h")
    day: float | None = Field(alias="24h")


class Counts(Answer):
    now: int
    hour: int = Field(alias="1h")
    day: int = Field(alias="24h")


class StatusSize(Answer):
    size: str
    calls: Counts
    success: Rates
    p50_s: float | None = Field(description="Of the last hour.")
    p95_s: float | None


class StatusModel(Answer):
    model: str
    success: Rates
    sizes: list[StatusSize]


class Status(Answer):
    groups: list[StatusGroup]
    models: list[StatusModel]
