"""What the admin API is asked, as JSON. What the words mean, and whether they make sense, is decided in `core`."""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.core.drill import LONGEST_DELAY_S, USUAL_S, Ailment, DrillTerms
from gateway.core.drill import LONGEST_S as LONGEST_DRILL_S
from gateway.core.keys import LONGEST_OVERLAP_S, OVERLAP_S, Mode, Show
from gateway.core.metadata import MOST
from gateway.core.sellerlog import QUOTA_PER_USD
from gateway.core.terms import LARGEST_MULTIPLIER, LARGEST_RATE, LONGEST_S
from gateway.ledger.adjustments import LONGEST_WHY
from gateway.ledger.comparison import LogTerms


def _storable(text: str) -> str:
    """JSON can spell half a character (`\\ud800`), and nothing can keep it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    return text


_Name = Annotated[str, AfterValidator(_storable)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


_Usd = Annotated[Decimal | None, Field(max_digits=18)]


_Rate = Annotated[int | None, Field(gt=0, le=LARGEST_RATE)]


class _Account(_Body):
    """What teams and keys have in common."""

    name: _Name | None = None
    metadata: dict[str, str | None] | None = Field(
        default=None,
        description=f"At most {MOST} names and values for yourself; null for a value removes one, in its place all. "
        "In a change those that are not named stay.",
        examples=[{"cost-centre": "4711"}],
    )
    budget_usd: _Usd = Field(default=None, description="Most that is spent, by a team's keys together; null: no limit.")
    budget_day_usd: _Usd = Field(default=None, description="The same in a day of the team's time zone.")
    budget_month_usd: _Usd = Field(default=None, description="The same in a calendar month.")
    soft_budget: bool | None = Field(
        default=None, description="true: these budgets refuse nothing, and somebody is told; null: false."
    )
    alert_percents: list[int] | None = Field(
        default=None, description="At which shares of a budget, in per cent, somebody is told; null: 80 and 100."
    )
    requests_per_minute: _Rate = Field(default=None, description="null: no limit.")
    pictures_per_minute: _Rate = Field(default=None, description="null: no limit.")
    concurrency: _Rate = Field(
        default=None, description="Calls at a time; a request for n pictures is n of them. null: no limit."
    )


class TeamChange(_Account):
    time_zone: str | None = Field(
        default=None, description="Of its days and months, as the IANA database has it; null: UTC.", examples=["UTC"]
    )
    premium_hour_usd: _Usd = Field(
        default=None, description="The most it pays in an hour for groups dearer than the cheapest; null: no limit."
    )
    premium_day_usd: _Usd = Field(default=None, description="The same in a day (UTC).")


class NewTeam(TeamChange):
    id: str = Field(description="Lower-case letters, digits and dashes.", examples=["acme"])


class KeyLimits(_Account):
    max_multiplier: Decimal | None = Field(
        default=None, gt=0, le=LARGEST_MULTIPLIER, max_digits=12, description="The dearest group it may be served by."
    )
    models: list[str] | None = None
    groups: list[str] | None = None
    expires_in_s: int | None = Field(default=None, gt=0, le=LONGEST_S)
    chat_pictures: Show | None = Field(
        default=None, description="Where its chats have their pictures; null: where the calling program looks."
    )
    failover: Mode | None = Field(
        default=None,
        description="When its calls may go to a dearer group: auto, hang-only (not when the cheaper one is only "
        "slow) or off; null: as the gateway is configured.",
    )
    retain: bool | None = Field(
        default=None,
        description="Whether its answers are kept for whoever comes back for them; null: they are. Without, a retry "
        "pays again when the first call has ended, and there are no jobs and no addresses.",
    )


class NewKey(KeyLimits):
    team: str = Field(description="Made if it does not exist.", examples=["acme"])


class Rotation(_Body):
    overlap_s: float = Field(
        default=OVERLAP_S, ge=0, le=LONGEST_OVERLAP_S, description="How long the old secret goes on; 0: not at all."
    )


class NewAdjustment(_Body):
    usd: Decimal = Field(max_digits=18, description="What is added to what the key has spent; negative: taken.")
    why: str = Field(description="For whoever reads the ledger.", max_length=LONGEST_WHY)
    name: str | None = Field(default=None, description="Under it this is made once, however often it is asked.")


class Verdict(_Body):
    billed: bool = Field(description="What the seller says.")
    usd: _Usd = Field(default=None, description="What it billed; null: what is held.")


class LogQuery(_Body):
    time_zone: str = Field(default="UTC", description="Of days, and of times without one.")
    since: date | None = Field(default=None, description="First day, all of which the log has; null: the log's first.")
    until: date | None = Field(default=None, description="Last day, likewise.")
    group: list[str] = Field(default=[], description="Only this seller's; several times.")
    column: list[str] = Field(default=[], description="WHAT=NAME, where a column is not found; several times.")
    quota_per_usd: int = Field(default=QUOTA_PER_USD, ge=1, description="How much quota is a dollar.")
    percent: str = Field(default="0.5", description="Tell differences above so many per cent...")
    usd: str = Field(default="1", description="...or so many dollars.")
    resolve: bool = Field(default=False, description="Settle unsettled attempts that the log explains.")

    def terms(self) -> LogTerms:
        return LogTerms(**self.model_dump())


class NewDrill(_Body):
    group: str = Field(description="Which one is not well.", examples=["Default"])
    kind: Ailment = Field(description="dead: refuses at once; hang: never answers; slow: answers after a delay.")
    key: str | None = Field(default=None, description="Whose calls: those of this key, by its id,")
    team: str | None = Field(default=None, description="or of this team,")
    share: float | None = Field(
        default=None, description="or this part of all calls, above 0 and at most 1, that can go elsewhere."
    )
    delay_s: float | None = Field(default=None, description=f"Of slow alone; at most {LONGEST_DELAY_S:g}.")
    lasts_s: float = Field(default=USUAL_S, description=f"Then it ends by itself; at most {LONGEST_DRILL_S:g}.")
    note: _Name = Field(default="", description="Who does this, and why.")

    def terms(self) -> DrillTerms:
        return DrillTerms(**self.model_dump())
