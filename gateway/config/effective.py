"""The settings as they are in force, for people: every value with where it came from, secrets masked."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction

from gateway.config.settings import ADMIN, Admin, LaneSettings, Secret, Settings
from gateway.core.allowance import Window
from gateway.core.catalog import ListPrice, Model
from gateway.core.money import usd_of

DEFAULT = "default"

_PASSWORDS = ((re.compile(r"//.*@"), "//***@"), (re.compile(r"(password=)[^&]*"), r"\1***"))


@dataclass(frozen=True, slots=True)
class Row:
    """`path` as in the file; `origin` is "default", "config.yaml:LINE", "env NAME", "file" or "given"."""

    path: str
    shown: str
    origin: str


def effective(settings: Settings) -> list[Row]:
    """One row for each setting, in the order of the file."""
    return [Row(path, _shown(value), _origin(settings, path)) for path, value in _values(settings)]


def _values(settings: Settings) -> Iterator[tuple[str, object]]:
    yield "listen", settings.listen
    yield "public_url", settings.public_url
    yield "workers", settings.workers
    yield "data_dir", settings.data_dir
    yield "store", _masked(settings.store)
    yield "store_away", settings.store_away
    yield "store_may_forget", settings.store_may_forget
    yield "archive", settings.archive
    yield "vault", settings.vault
    yield "vault_key", settings.vault_key
    yield "secret", settings.secret
    yield from _admin(settings.admin)
    for number, group in enumerate(settings.groups):
        path = f"groups[{number}]"
        yield f"{path}.name", group.name
        yield f"{path}.multiplier", group.multiplier
        lanes = [each for each in settings.lanes if each.lane.group == group]
        for place, lane in enumerate(lanes):
            yield from _lane(f"{path}.lanes[{place}]", lane)
    for model in settings.catalog.models:
        yield from _prices(f"models.{model.id}.price", model)
        yield from _list_price(f"models.{model.id}.list_price", model.list_price)
    yield "upstream_transport", settings.upstream_transport
    yield "tuning", settings.tuning
    for name, value in asdict(settings.timeouts).items():
        yield f"timeouts.{name}", value
    yield "failover.mode", settings.failover_mode
    yield "failover.suspect_s", settings.patience.suspect_s
    yield "failover.dwell_s", settings.patience.dwell_s
    yield "failover.dwell_max_s", settings.patience.dwell_most_s
    for purpose, caps in settings.allowances.items():
        for window in Window:
            cap = caps.of(window)
            yield f"failover.{purpose}_{window}_usd", None if cap is None else usd_of(cap)
    for name, value in asdict(settings.limits).items():
        yield f"limits.{name}", value
    for name, value in asdict(settings.retention).items():
        yield f"retention.{name}", value
    yield "fetch.image_urls", settings.fetch.image_urls
    yield "fetch.networks", ", ".join(map(str, settings.fetch.networks)) or None
    yield "webhooks.hosts", ", ".join(settings.webhooks.hosts) or None
    yield "webhooks.networks", ", ".join(map(str, settings.webhooks.networks)) or None


def _admin(admin: Admin) -> Iterator[tuple[str, object]]:
    yield "admin.key", admin.keys.get(ADMIN)
    for name, key in admin.keys.items():
        if name != ADMIN:
            yield f"admin.keys.{name}", key
    yield "admin.listen", admin.listen


def _lane(path: str, lane: LaneSettings) -> Iterator[tuple[str, object]]:
    yield f"{path}.name", lane.lane.name
    yield f"{path}.url", lane.lane.url
    yield f"{path}.key", lane.key
    yield f"{path}.auth", lane.auth
    yield f"{path}.billing", lane.lane.billing
    for ours, theirs in lane.models.items():
        yield f"{path}.models.{ours}", theirs


def _prices(path: str, model: Model) -> Iterator[tuple[str, object]]:
    if model.price.call is not None:
        yield f"{path}.call", usd_of(model.price.call)
    for name, price in (
        ("input_per_million", model.price.input_token),
        ("output_per_million", model.price.output_token),
    ):
        if price is not None:
            yield f"{path}.{name}", _per_million(price)


def _list_price(path: str, price: ListPrice | None) -> Iterator[tuple[str, object]]:
    if price is None:
        yield path, None
        return
    yield f"{path}.input_per_million", _per_million(price.input_token)
    yield f"{path}.text_per_million", _per_million(price.text_token)
    yield f"{path}.image_per_million", _per_million(price.image_token)


def _per_million(token_nanos: Fraction) -> str:
    return usd_of(int(token_nanos * 1_000_000))


def _origin(settings: Settings, path: str) -> str:
    """A lane without a billing mode has its group's; a list is from where its first is."""
    origins = settings.origins
    group, lane, name = path.partition(".lanes[")
    if lane and name.endswith("].billing"):
        return origins.get(path) or origins.get(f"{group}.billing", DEFAULT)
    return origins.get(path) or origins.get(f"{path}[0]", DEFAULT)


def _shown(value: object) -> str:
    match value:
        case None:
            return "not set"
        case Secret():
            return str(value)
        case Fraction():
            return f"{Decimal(value.numerator) / value.denominator:f}"
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _masked(address: str) -> str:
    for pattern, mask in _PASSWORDS:
        address = pattern.sub(mask, address)
    return address
