"""Commands for teams, keys and usage: they work on the store directly, whether a gateway runs or not."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop

from gateway import app as house
from gateway.cli.options import AsJson, ConfigFile, err, out, print_json, print_table, settings_of
from gateway.config.settings import Settings
from gateway.core.errors import BadRequest, NotFound
from gateway.core.keys import Key, Limits
from gateway.core.money import decimal_of, nanos_of
from gateway.ledger import reports
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.ledger.store import Store
from gateway.web import shapes

teams = typer.Typer(no_args_is_help=True, help="Teams: who pays.")
keys = typer.Typer(no_args_is_help=True, help="Keys: what callers send. Each belongs to a team.")

BudgetUsd = Annotated[
    str | None, typer.Option(metavar="USD", help="Most it may spend; without: no limit.", show_default=False)
]
Many = Annotated[list[str] | None, typer.Option(help="May be given several times; without: all.", show_default=False)]

_KEY_COLUMNS = ("id", "team", "name", "ends in", "spent $", "held $", "budget $", "max x", "state")
_KEY_FIGURES = ("spent $", "held $", "budget $", "max x")


def add(app: typer.Typer) -> None:
    app.add_typer(teams, name="teams")
    app.add_typer(keys, name="keys")
    app.command("usage")(usage)


@asynccontextmanager
async def _office(config: Path | None) -> AsyncIterator[tuple[Settings, Store, Keys, Books]]:
    settings = settings_of(config)
    async with house.books_of(settings) as (store, known, books):
        yield settings, store, known, books


def _run(work: Coroutine[Any, Any, None]) -> None:
    uvloop.run(work)


@teams.command("create")
def create_team(
    team: Annotated[str, typer.Argument(help="Its id: lower-case letters, digits and dashes.")],
    name: Annotated[str | None, typer.Option(help="A name for people.", show_default=False)] = None,
    budget_usd: BudgetUsd = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a team."""

    async def work() -> None:
        async with _office(config) as (_, _, known, books):
            made = await known.create_team(team, budget_nanos=_nanos(budget_usd), now=time.time(), name=name)
            _print_teams([shapes.team(made, await books.team_balance(made.id))], as_json, one=True)

    _run(work())


@teams.command("list")
def list_teams(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all teams with what they spent."""

    async def work() -> None:
        async with _office(config) as (_, _, known, books):
            rows = [shapes.team(each, await books.team_balance(each.id)) for each in await known.teams()]
            _print_teams(rows, as_json)

    _run(work())


@keys.command("create")
def create_key(
    team: Annotated[str, typer.Option(help="The team that pays; made if it does not exist.")],
    name: Annotated[str, typer.Option(help="A name for people.")] = "",
    budget_usd: BudgetUsd = None,
    max_multiplier: Annotated[
        str | None, typer.Option(metavar="X", help="The dearest group it may be served by.", show_default=False)
    ] = None,
    model: Many = None,
    group: Many = None,
    expires_in_days: Annotated[float | None, typer.Option(min=0, show_default=False)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once."""

    async def work() -> None:
        async with _office(config) as (settings, _, known, books):
            limits = Limits(
                budget_nanos=_nanos(budget_usd),
                max_multiplier=None if max_multiplier is None else Fraction(_decimal(max_multiplier)),
                models=_models(settings, model),
                groups=_groups(settings, group),
                expires_at=None if expires_in_days is None else time.time() + expires_in_days * 86_400,
            )
            await known.ensure_team(team, now=time.time())
            made, secret = await known.create_key(team, name=name, limits=limits, now=time.time())
            row = {**shapes.key(made, await books.balance(made)), "key": secret}
            if as_json:
                print_json(row)
            else:
                out.print(f"{secret}\n", highlight=False, soft_wrap=True)
                err.print(f"Key {made.id} of team {team}. This is the only time its secret is shown.")

    _run(work())


@keys.command("list")
def list_keys(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List keys with what they spent."""

    async def work() -> None:
        async with _office(config) as (_, _, known, books):
            found = await known.keys(team)
            _print_keys([shapes.key(each, await books.balance(each)) for each in found], as_json)

    _run(work())


@keys.command("show")
def show_key(key_id: str, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one key: its limits and what it spent."""

    async def show(known: Keys) -> Key:
        return await _found(known, key_id)

    _one_key(show, config, as_json)


@keys.command("revoke")
def revoke_key(key_id: str, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """End a key. Gateways stop taking it within 5 seconds; calls in flight are finished."""

    async def revoke(known: Keys) -> Key:
        await _found(known, key_id)
        return await known.revoke(key_id, time.time())

    _one_key(revoke, config, as_json)


def usage(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option(help="Only this key's, by id.", show_default=False)] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day (UTC).", show_default="30 days ago")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day (UTC).", show_default="today")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """What was spent, by day, key, model, size and group."""
    last = until.date() if until else datetime.now(UTC).date()
    first = since.date() if since else last - timedelta(days=30)

    async def work() -> None:
        async with _office(config) as (_, store, _, _):
            rows = await reports.usage(store, team=team, key_id=key, since=first, until=last)
            _print_usage([shapes.usage(row) for row in rows], first, last, as_json)

    _run(work())


def _one_key(find: Callable[[Keys], Coroutine[Any, Any, Key]], config: Path | None, as_json: bool) -> None:
    async def work() -> None:
        async with _office(config) as (_, _, known, books):
            found = await find(known)
            _print_keys([shapes.key(found, await books.balance(found))], as_json, one=True)

    _run(work())


async def _found(known: Keys, key_id: str) -> Key:
    key = await known.get(key_id)
    if key is None:
        raise NotFound(f"there is no key {key_id}")
    return key


def _print_teams(rows: list[dict[str, Any]], as_json: bool, *, one: bool = False) -> None:
    if as_json:
        print_json(rows[0] if one else rows)
        return
    cells = [(row["id"], row["name"], row["spent_usd"], row["held_usd"], row["budget_usd"]) for row in rows]
    print_table(("id", "name", "spent $", "held $", "budget $"), cells, right=("spent $", "held $", "budget $"))


def _print_keys(rows: list[dict[str, Any]], as_json: bool, *, one: bool = False) -> None:
    if as_json:
        print_json(rows[0] if one else rows)
        return
    fields = ("id", "team", "name", "hint", "spent_usd", "held_usd", "budget_usd", "max_multiplier")
    cells = [[*(row[field] for field in fields), _state(row)] for row in rows]
    print_table(_KEY_COLUMNS, cells, right=_KEY_FIGURES)


def _state(row: dict[str, Any]) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return "expired" if row["expires_at"] is not None and row["expires_at"] < time.time() else "live"


def _print_usage(rows: list[dict[str, Any]], first: date, last: date, as_json: bool) -> None:
    if as_json:
        print_json({"since": first, "until": last, "rows": rows})
        return
    columns = ("day", "team", "key", "model", "size", "group", "calls", "pictures", "tokens in", "tokens out", "$")
    cells = [list(row.values()) for row in rows]
    total = sum((Decimal(row["usd"]) for row in rows), Decimal(0))
    print_table(columns, [*cells, ("total", *[""] * 9, total)], right=columns[6:])


def _nanos(usd: str | None) -> int | None:
    try:
        return None if usd is None else nanos_of(usd)
    except ValueError as error:
        raise BadRequest(f"--budget-usd: {error}") from None


def _decimal(text: str) -> Decimal:
    try:
        return decimal_of(text)
    except ValueError as error:
        raise BadRequest(f"--max-multiplier: {error}") from None


def _models(settings: Settings, names: list[str] | None) -> frozenset[str] | None:
    found = {name: settings.catalog.find(name) for name in names or ()}
    unknown = [name for name, named in found.items() if named is None]
    if unknown:
        known = ", ".join(model.id for model in settings.catalog.models)
        raise BadRequest(f"--model: {unknown[0]!r} is not a model here; known: {known}")
    return frozenset(named.model.id for named in found.values() if named) or None


def _groups(settings: Settings, names: list[str] | None) -> frozenset[str] | None:
    known = [group.name for group in settings.groups]
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise BadRequest(f"--group: {unknown[0]!r} is not a group here; known: {', '.join(known)}")
    return frozenset(names) if names else None
