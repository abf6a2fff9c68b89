"""The shape of config.yaml: every section and setting, its default, and what it must be.

The reason for each default is beside it, or in config.example.yaml where operators read it.
"""

from fractions import Fraction
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from gateway.config import rules
from gateway.config.catalog import ModelSection
from gateway.config.sections import Section
from gateway.config.settings import Auth, Carrier, Listen, ListenTcp, Secret
from gateway.core.groups import Billing
from gateway.core.health import Patience
from gateway.core.keys import Mode
from gateway.core.outage import Outage
from gateway.core.reach import Network

MIB = 1 << 20
LARGEST_BYTES = 1 << 40
MOST_WORKERS = 64

Nullable = BeforeValidator(rules.null_of)

Name = Annotated[str, PlainValidator(rules.name_of)]
Url = Annotated[str, PlainValidator(rules.url_of)]
UpstreamUrl = Annotated[str, PlainValidator(rules.upstream_url_of)]
LaneKey = Annotated[Secret, PlainValidator(rules.secret_of)]
AdminKey = Annotated[Secret, PlainValidator(rules.admin_key_of)]
LongSecret = Annotated[Secret, PlainValidator(rules.long_secret_of)]
BillingWord = Annotated[Billing, PlainValidator(rules.billing_of)]
AuthWord = Annotated[Auth, PlainValidator(partial(rules.choice, Auth))]
CarrierWord = Annotated[Carrier, PlainValidator(partial(rules.choice, Carrier))]
ModeWord = Annotated[Mode, PlainValidator(partial(rules.choice, Mode))]
OutageWord = Annotated[Outage, PlainValidator(partial(rules.choice, Outage))]
ReceiverWord = Annotated[str, PlainValidator(rules.receiver_of)]
NetworkWord = Annotated[Network, PlainValidator(rules.network_of)]
Multiplier = Annotated[Fraction, PlainValidator(rules.multiplier_of)]
Address = Annotated[Listen, PlainValidator(rules.listen_of)]
Store = Annotated[str, AfterValidator(rules.store_of)]
Vault = Annotated[str, AfterValidator(rules.vault_of)]

Usd = Annotated[int, PlainValidator(rules.usd_of)]  # in nano-dollars, once read

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=MIB, le=LARGEST_BYTES)]

_KEY_HINT = 'write key: "${NAME}" and set that variable, or key_file: with the path of a file'


class LaneSection(Section):
    """`key_file` is read before this is checked: here, `key` has what was in it."""

    url: UpstreamUrl = Field(description="the seller's address, such as https://api.apiyi.com")
    key: LaneKey = Field(description=_KEY_HINT)
    key_file: str | None = None
    name: Annotated[Name | None, Nullable] = None
    auth: Annotated[AuthWord | None, Nullable] = None
    billing: Annotated[BillingWord | None, Nullable] = None
    models: dict[str, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)


class GroupSection(Section):
    """Neither price nor billing has a default: a wrong guess would be found in the books, much later."""

    name: Name = Field(description="the seller's name of the group, such as Default")
    multiplier: Multiplier = Field(description="what the seller multiplies its prices by, such as 1.4")
    billing: BillingWord = Field(description=f"the billing mode of its keys, such as {Billing.PAY_AS_YOU_GO_PRIORITY}")
    lanes: list[LaneSection] = Field(min_length=1, description="at least one address with a key")


class AdminSection(Section):
    """`key` is that of the administrator `admin`; `keys` are those of others, by their names."""

    key: Annotated[AdminKey | None, Nullable] = None
    key_file: str | None = None
    keys: dict[str, AdminKey] = Field(default_factory=dict)
    listen: Annotated[Address | None, Nullable] = None


class TimeoutsSection(Section):
    connect_s: Seconds = 5.0  # a healthy seller takes a connection within one
    idle_s: Seconds = 30.0  # silence in the middle of an answer; the wait for its first byte is not counted
    stream_idle_s: Seconds = 180.0  # the same in a stream, where the words come first and the picture when it is drawn
    total_s: Seconds = 420.0  # what the seller advises to wait, 360 s, and the upload before it
    total_long_s: Seconds = 660.0  # the same for 4K or many references: 600 s advised
    client_s: Seconds = 360.0  # what the seller advises its customers to wait
    unary_warm_s: Annotated[Seconds | None, Nullable] = None  # an answer that has begun has no status to fail with

    @model_validator(mode="after")
    def _long_is_longer(self) -> Self:
        if self.total_long_s < self.total_s:
            raise ValueError("total_long_s must be at least total_s")
        return self


class FailoverSection(Section):
    mode: ModeWord = Mode.AUTO
    suspect_s: Annotated[Seconds | None, Nullable] = Patience().suspect_s
    dwell_s: Seconds = Patience().dwell_s
    dwell_max_s: Seconds = Patience().dwell_most_s
    premium_hour_usd: Annotated[Usd | None, Nullable] = None
    premium_day_usd: Annotated[Usd | None, Nullable] = None
    races_hour_usd: Annotated[Usd | None, Nullable] = None
    races_day_usd: Annotated[Usd | None, Nullable] = None

    @model_validator(mode="after")
    def _most_is_most(self) -> Self:
        if self.dwell_max_s < self.dwell_s:
            raise ValueError("dwell_max_s must be at least dwell_s")
        return self


class LimitsSection(Section):
    """Less than a mebibyte would refuse ordinary reference pictures."""

    body_bytes: Bytes = 100 * MIB  # what the provider takes
    memory_bytes: Annotated[Bytes | None, Nullable] = None
    spool_bytes: Annotated[Bytes | None, Nullable] = 4096 * MIB  # two hundred of the largest answers at a time
    left_calls: Annotated[int, Field(ge=0)] = 1000  # as many pictures as most teams draw in a quarter of an hour
    results_bytes: Bytes = 2048 * MIB  # a hundred pictures in 4K
    team_results_bytes: Bytes = 512 * MIB  # twenty, what a team draws at a time

    @model_validator(mode="after")
    def _fits_one(self) -> Self:
        if self.memory_bytes is not None and self.memory_bytes < self.body_bytes:
            raise ValueError("memory_bytes must be at least body_bytes, or the largest request could never be taken")
        if self.results_bytes < self.team_results_bytes:
            raise ValueError("results_bytes must be at least team_results_bytes")
        return self


class RetentionSection(Section):
    signatures_s: Annotated[float, Field(ge=0, le=30 * 86_400, allow_inf_nan=False)] = 86_400.0
    # What is looked into every day is younger; at a call a second a day of rows takes about 45 MB of the store.
    ledger_days: Annotated[Annotated[int, Field(ge=1, le=3650)] | None, Nullable] = 3


class FetchSection(Section):
    """Off: a gateway that fetches what callers name looks around in its own network for them."""

    image_urls: bool = False
    networks: list[NetworkWord] = Field(default_factory=list)


class WebhooksSection(Section):
    """Nobody: whoever may name a receiver makes the gateway send something there."""

    hosts: list[ReceiverWord] = Field(default_factory=list)
    networks: list[NetworkWord] = Field(default_factory=list)


class Root(Section):
    listen: Address = ListenTcp("127.0.0.1", 8080)
    public_url: Annotated[Url | None, Nullable] = None
    workers: Annotated[int, Field(ge=1, le=MOST_WORKERS)] = 1  # a small machine has one core to spare
    data_dir: Annotated[str, Field(min_length=1)] = "./data"
    store: Store = "embedded"
    store_away: OutageWord = Outage.SLICE
    store_may_forget: bool = False
    archive: Annotated[Annotated[str, Field(min_length=1)] | None, Nullable] = None
    vault: Annotated[Vault | None, Nullable] = None
    vault_key: Annotated[LongSecret | None, Nullable] = None
    secret: Annotated[LongSecret | None, Nullable] = None
    admin: AdminSection = AdminSection()
    groups: list[GroupSection] = Field(min_length=1, description="at least one, in order of preference")
    models: dict[str, ModelSection] = Field(default_factory=dict)
    upstream_transport: CarrierWord = Carrier.OWN
    tuning: bool = True
    timeouts: TimeoutsSection = TimeoutsSection()
    failover: FailoverSection = FailoverSection()
    limits: LimitsSection = LimitsSection()
    retention: RetentionSection = RetentionSection()
    fetch: FetchSection = FetchSection()
    webhooks: WebhooksSection = WebhooksSection()
