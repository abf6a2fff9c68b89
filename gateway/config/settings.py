"""What a running gateway was told: one frozen snapshot, complete at birth.

These are the nouns that other rooms take from the configuration. They know nothing of YAML, of the
environment or of how they were checked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gateway.core.allowance import Caps, Purpose
from gateway.core.catalog import Catalog
from gateway.core.groups import Group, Lane
from gateway.core.health import Patience
from gateway.core.keys import Mode
from gateway.core.outage import Outage
from gateway.core.reach import Network
from gateway.core.webhooks import Receivers

# In `data_dir`, where old rows of the ledgers go unless a directory is named for them.
ARCHIVE = "archive"


class ConfigError(Exception):
    """Settings that cannot be used. `problems` has all of them, each one line for whoever wrote them."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A credential that does not show itself: it has to be asked with `reveal`."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True)
class ListenTcp:
    """Port 0 takes any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ListenUnix:
    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Listen = ListenTcp | ListenUnix


class Auth(StrEnum):
    """How a lane's credential is sent: as a bearer token, or bare in the header of this name."""

    BEARER = "bearer"
    X_GOOG_API_KEY = "x-goog-api-key"


class Carrier(StrEnum):
    """What makes the connections to lanes: the gateway itself, or the library."""

    OWN = "own"
    HTTPX2 = "httpx2"


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """A lane with what it is sent with. `models` has the upstream's own names for our model ids, where they differ."""

    lane: Lane
    key: Secret
    auth: Auth
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """`total_long_s` is for what the provider allows longer; `client_s` the patience of a caller who announces none.

    After `unary_warm_s` an answer that is no stream begins, to be kept warm; None: not before it is there.
    """

    connect_s: float
    idle_s: float
    stream_idle_s: float
    total_s: float
    total_long_s: float
    client_s: float
    unary_warm_s: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """`body_bytes` for one request, `memory_bytes` for all of them together; `spool_bytes` for all answers on disk that
    are on their way. None: no limit. `left_calls`: of so many calls at a time that their callers left the answers are
    kept, `results_bytes` of all teams and `team_results_bytes` of one."""

    body_bytes: int
    memory_bytes: int | None
    spool_bytes: int | None
    left_calls: int
    results_bytes: int
    team_results_bytes: int


@dataclass(frozen=True, slots=True)
class Fetching:
    """Whether `image_urls` in requests are fetched, and the private networks that they may be in."""

    image_urls: bool
    networks: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long the gateway keeps what passes through it; 0: not at all. `ledger_days` None: for good."""

    signatures_s: float
    ledger_days: int | None


# Who has the admin key that has no name of its own.
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Admin:
    """Who may use the admin API: by name, each with a key of its own. Without any there is no admin API.

    `listen` is where it is served, and nowhere else; None: where everything is.
    """

    keys: Mapping[str, Secret]
    listen: Listen | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a gateway is started with.

    `workers` is how many processes it is. `secret` is what virtual keys are hashed with, None: made once and kept in
    `data_dir`. `lanes` are in
    the order of their groups. `origins` says where a value came from, by its path; what is not in it is a
    default. `archive` is where old rows of the ledgers go, None: nowhere, they stay in
    the store. `vault` is the bucket that finished answers are kept in, None: they are in `data_dir`;
    `vault_key` is what they are sealed with, None: they are not.
    """

    listen: Listen
    public_url: str | None
    workers: int
    data_dir: Path
    store: str = field(repr=False)  # its address may carry a password
    store_away: Outage
    store_may_forget: bool
    archive: Path | None
    vault: str | None
    vault_key: Secret | None
    secret: Secret | None
    admin: Admin
    groups: tuple[Group, ...]
    lanes: tuple[LaneSettings, ...]
    catalog: Catalog = field(repr=False)
    upstream_transport: Carrier
    tuning: bool
    timeouts: Timeouts
    patience: Patience
    failover_mode: Mode
    allowances: Mapping[Purpose, Caps]
    limits: Limits
    retention: Retention
    fetch: Fetching
    webhooks: Receivers
    origins: Mapping[str, str] = field(repr=False)
