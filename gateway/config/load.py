"""From a file and the environment to Settings: the steps in their order, and what only the whole can show.

`load` finds and reads the file, `parse` takes a document that somebody already has. Both raise
`ConfigError` with everything that is wrong at once.
"""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from gateway.config import rules, sources
from gateway.config.catalog import add_packaged, catalog
from gateway.config.draft import Draft, Where, dotted, draft, leaves
from gateway.config.schema import FailoverSection, LaneSection, Root
from gateway.config.sections import checked, near
from gateway.config.settings import (
    ADMIN,
    ARCHIVE,
    Admin,
    Auth,
    ConfigError,
    Fetching,
    LaneSettings,
    Limits,
    Retention,
    Settings,
    Timeouts,
)
from gateway.core.allowance import Caps, Purpose
from gateway.core.catalog import Catalog, Model
from gateway.core.groups import Billing, Group, Lane
from gateway.core.health import Patience
from gateway.core.money import LARGEST_NANOS
from gateway.core.webhooks import Receivers

FILE_VARIABLE = "GATEWAY_CONFIG"
USUAL_FILE = "config.yaml"

_GOOGLE = "generativelanguage.googleapis.com"

_HOW_TO_BEGIN = (
    f"there is no configuration: copy config.example.yaml to ./{USUAL_FILE}, "
    f"or name a file with --config or {FILE_VARIABLE}; `gateway demo` needs none"
)


def load(path: Path | None, environ: Mapping[str, str], cwd: Path) -> Settings:
    """Settings from a YAML file: `path`, else what GATEWAY_CONFIG names, else config.yaml in `cwd`."""
    if path is None:
        path = _usual(environ, cwd)
    found = cwd / path
    return parse(sources.read(found), environ, found.parent, file=found.name)


def parse(
    document: Mapping[Any, Any], environ: Mapping[str, str], base_dir: Path, *, file: str | None = None
) -> Settings:
    """Settings from a document; relative paths in it start at `base_dir`. `file` is its name in messages."""
    notes = draft(document, base_dir, file)
    sources.override(notes, Root, environ)
    sources.expand(notes, environ)
    sources.read_key_files(notes)
    origins = {dotted(where): notes.origin(where) or "" for where, _ in leaves(notes.values)}
    add_packaged(notes)
    root = checked(Root, notes)
    settings = _settings(root, notes, origins) if root is not None else None
    notes.settle()
    assert settings is not None
    return settings


def _usual(environ: Mapping[str, str], cwd: Path) -> Path:
    named = environ.get(FILE_VARIABLE)
    if named:
        return Path(named)
    if (cwd / USUAL_FILE).exists():
        return Path(USUAL_FILE)
    raise ConfigError([_HOW_TO_BEGIN])


def _settings(root: Root, notes: Draft, origins: Mapping[str, str]) -> Settings:
    models = catalog(root.models, notes)
    groups = tuple(Group(section.name, section.multiplier) for section in root.groups)
    lanes: dict[Where, LaneSettings] = {
        ("groups", place, "lanes", number): _lane(lane, group, section.billing, number)
        for place, (section, group) in enumerate(zip(root.groups, groups, strict=True))
        for number, lane in enumerate(section.lanes)
    }
    _check_names(groups, lanes, notes)
    _check_models(lanes, models, notes)
    _check_amounts(groups, models, notes)
    _check_shares(root, notes)
    return Settings(
        listen=root.listen,
        public_url=root.public_url,
        workers=root.workers,
        data_dir=(notes.base_dir / root.data_dir).absolute(),
        store=root.store,
        store_away=root.store_away,
        store_may_forget=root.store_may_forget,
        archive=_archive(root, notes.base_dir),
        vault=root.vault,
        vault_key=root.vault_key,
        secret=root.secret,
        admin=_admin(root, notes),
        groups=groups,
        lanes=tuple(lanes.values()),
        catalog=models,
        upstream_transport=root.upstream_transport,
        tuning=root.tuning,
        timeouts=Timeouts(**dict(root.timeouts)),
        patience=Patience(root.failover.suspect_s, root.failover.dwell_s, root.failover.dwell_max_s),
        failover_mode=root.failover.mode,
        allowances=MappingProxyType(_allowances(root.failover)),
        limits=Limits(**dict(root.limits)),
        retention=Retention(**dict(root.retention)),
        fetch=Fetching(root.fetch.image_urls, tuple(root.fetch.networks)),
        webhooks=Receivers(tuple(root.webhooks.hosts), tuple(root.webhooks.networks)),
        origins=MappingProxyType(dict(origins)),
    )


def _admin(root: Root, notes: Draft) -> Admin:
    """Whoever does something is known by the key that was sent: so nobody has two names, and no two have one key."""
    section = root.admin
    if section.listen == root.listen and str(root.listen).rpartition(":")[2] != "0":
        notes.wrong(("admin", "listen"), "is the address of listen; choose another, or leave it out to share that one")
    keys = {} if section.key is None else {ADMIN: section.key}
    owners = {key.reveal(): "admin.key" for key in keys.values()}
    for name, key in section.keys.items():
        where = ("admin", "keys", name)
        try:
            rules.name_of(name)
        except ValueError as error:
            notes.wrong(where, str(error))
        if name == ADMIN:
            notes.wrong(where, "is the name that belongs to admin.key; choose another")
        if key.reveal() in owners:
            notes.wrong(where, f"is the same as {owners[key.reveal()]}; give each a key of its own")
        owners.setdefault(key.reveal(), dotted(where))
        keys[name] = key
    return Admin(MappingProxyType(keys), section.listen)


def _archive(root: Root, base_dir: Path) -> Path | None:
    """Beside an embedded store, whose disk is kept; nobody knows that of another disk, until somebody names it."""
    named = root.archive or (Path(root.data_dir) / ARCHIVE if root.store == "embedded" else None)
    return (base_dir / named).absolute() if named is not None else None


def _allowances(section: FailoverSection) -> dict[Purpose, Caps]:
    return {
        Purpose.PREMIUM: Caps(section.premium_hour_usd, section.premium_day_usd),
        Purpose.RACES: Caps(section.races_hour_usd, section.races_day_usd),
    }


def _lane(section: LaneSection, group: Group, billing: Billing, number: int) -> LaneSettings:
    """The first lane of a group has the group's name unless it has its own, the others count on."""
    name = section.name or (f"{group.name}-{number + 1}" if number else group.name)
    google = urlsplit(section.url).hostname == _GOOGLE
    return LaneSettings(
        lane=Lane(name, group, section.url, section.billing or billing),
        key=section.key,
        auth=section.auth or (Auth.X_GOOG_API_KEY if google else Auth.BEARER),
        models=MappingProxyType(dict(section.models)),
    )


def _check_names(groups: tuple[Group, ...], lanes: Mapping[Where, LaneSettings], notes: Draft) -> None:
    """Counts, metrics and books are kept by name. Lanes are named after groups, so those come first."""
    _check_unique({("groups", place): group.name for place, group in enumerate(groups)}, notes)
    if len({group.name for group in groups}) == len(groups):
        _check_unique({where: each.lane.name for where, each in lanes.items()}, notes)


def _check_unique(names: Mapping[Where, str], notes: Draft) -> None:
    first: dict[str, Where] = {}
    for where, name in names.items():
        owner = first.setdefault(name, where)
        if owner != where:
            notes.wrong((*where, "name"), f"{name} is the name of {dotted(owner)} already")


def _check_models(lanes: Mapping[Where, LaneSettings], models: Catalog, notes: Draft) -> None:
    ids = {model.id: model for model in models.models}
    for where, lane in lanes.items():
        for name in lane.models:
            if name not in ids:
                notes.wrong((*where, "models", name), f"is not the id of a model; {near(name, ids)}")


def _check_amounts(groups: tuple[Group, ...], models: Catalog, notes: Draft) -> None:
    for place, group in enumerate(groups):
        dear = next((each for each in models.models if _dearest(each) * group.multiplier > LARGEST_NANOS), None)
        if dear is not None:
            where = ("groups", place, "multiplier")
            notes.wrong(where, f"makes one call of {dear.id} dearer than the books can hold")


def _check_shares(root: Root, notes: Draft) -> None:
    """A worker has its part of the memory, and may be sent the largest request."""
    limits = root.limits
    if limits.memory_bytes is not None and limits.memory_bytes < root.workers * limits.body_bytes:
        at_least = f"must be at least {root.workers} workers times body_bytes"
        notes.wrong(("limits", "memory_bytes"), f"{at_least}, or the largest request could never be taken")


def _dearest(model: Model) -> Fraction:
    """More than any call of a model can cost, at multiplier 1."""
    price = model.price
    by_call = Fraction(price.call or 0)
    if price.input_token is None or price.output_token is None:
        return by_call
    output_tokens = max(max(size.ceiling_tokens, size.thinking_ceiling_tokens) for size in model.sizes.values())
    return max(by_call, price.input_token * model.input_tokens + price.output_token * output_tokens)
