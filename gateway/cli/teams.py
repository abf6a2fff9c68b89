"""`gateway teams`: who pays."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gateway.cli.office import ACCOUNT, Office, by_option, given, metadata_of, run, taking, usd
from gateway.cli.options import AsJson, ConfigFile, err, print_facts, print_json, print_table
from gateway.core.errors import NotFound
from gateway.core.keys import Team, TeamLimits
from gateway.core.terms import TeamTerms, team_changed, team_limits_of
from gateway.ledger.zones import zone_of
from gateway.web import shapes

teams = typer.Typer(no_args_is_help=True, help="Teams: who pays.")

TeamId = Annotated[str, typer.Argument(metavar="TEAM", help="Its id: lower-case letters, digits and dashes.")]
Name = Annotated[str | None, typer.Option(help="A name for people.", show_default=False)]

_OPTIONS: Mapping[str, Any] = {
    **ACCOUNT,
    "time_zone": Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Of its days and months, as Asia/Shanghai; 'none': UTC.", show_default=False),
    ],
    "premium_hour_usd": usd("Most it pays in an hour for groups dearer than the cheapest; 'none': no limit."),
    "premium_day_usd": usd("The same in a day (UTC)."),
}

_FIGURES = ("spent $", "held $", "budget $")


@teams.command()
@taking(_OPTIONS)
def create(
    options: Mapping[str, Any],
    team: TeamId,
    name: Name = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a team."""
    terms, metadata = TeamTerms(**given(TeamTerms, options)), metadata_of((), options)

    async def work(office: Office) -> None:
        limits, now = _limits(terms), time.time()
        made = await office.ledger.keys.create_team(team, now=now, name=name, limits=limits, metadata=metadata)
        await _print_one(office, made, as_json)

    run(config, work)


@teams.command("list")
def list_all(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List all teams with what they spent."""

    async def work(office: Office) -> None:
        rows = [await _row(office, each) for each in await office.ledger.keys.teams()]
        if as_json:
            print_json(rows)
        else:
            _print(rows)

    run(config, work)


@teams.command()
def show(team: TeamId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one team and what its keys spent together."""

    async def work(office: Office) -> None:
        await _print_one(office, await _found(office, team), as_json)

    run(config, work)


@teams.command()
@taking(_OPTIONS)
def update(
    options: Mapping[str, Any],
    team: TeamId,
    name: Name = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Change a team's name, limits or metadata; what is not given stays."""
    said = given(TeamTerms, options)

    async def work(office: Office) -> None:
        old = await _found(office, team)
        limits = team_changed(old.limits, _limits(TeamTerms(**said)), said)
        metadata, called = metadata_of(old.metadata, options), old.name if name is None else name
        new = await office.ledger.keys.update_team(team, name=called, limits=limits, metadata=metadata)
        await _print_one(office, new, as_json)

    run(config, work)


@teams.command()
def revoke(team: TeamId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """End all keys of a team. What it spent stays in the books."""

    async def work(office: Office) -> None:
        found = await _found(office, team)
        live = await office.ledger.keys.revoke_all(team, time.time())
        err.print(f"{len(live)} keys of team {team} are revoked.", highlight=False)
        await _print_one(office, found, as_json)

    run(config, work)


def _limits(terms: TeamTerms) -> TeamLimits:
    with by_option():
        return team_limits_of(terms, zone_of)


async def _found(office: Office, team_id: str) -> Team:
    team = await office.ledger.keys.team(team_id)
    if team is None:
        raise NotFound(f"there is no team {team_id}")
    return team


async def _row(office: Office, team: Team) -> dict[str, Any]:
    account, drawn = await office.ledger.books.account(team.id), await office.ledger.allowances.of_team(team.id)
    return shapes.team(team, account, drawn)


async def _print_one(office: Office, team: Team, as_json: bool) -> None:
    row = await _row(office, team)
    if as_json:
        print_json(row)
    else:
        print_facts(row)


def _print(rows: list[dict[str, Any]]) -> None:
    cells = [(row["id"], row["name"], row["spent_usd"], row["held_usd"], row["budget_usd"]) for row in rows]
    print_table(("id", "name", *_FIGURES), cells, right=_FIGURES)
