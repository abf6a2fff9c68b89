"""`gateway drill`: a group made dead, silent or slow for some calls, so that a team can try its own clients."""

from typing import Annotated, Any

import typer

from gateway.cli.office import Office, by_option, run
from gateway.cli.options import AsJson, ConfigFile, err, print_json, print_table
from gateway.core.drill import LONGEST_DELAY_S, LONGEST_S, USUAL_S, Ailment, DrillTerms
from gateway.core.errors import BadRequest
from gateway.web import shapes

drill = typer.Typer(no_args_is_help=True, help="Drills: a group made dead, silent or slow for some calls, for a while.")

_COLUMNS = ("id", "group", "kind", "whom", "delay s", "left s", "note")
_FIGURES = ("delay s", "left s")


@drill.command()
def start(
    group: Annotated[str, typer.Option(help="Which one is not well.")],
    kind: Annotated[
        str,
        typer.Option(
            metavar="|".join(Ailment), help="Refuses at once, never answers, or answers after a delay (--delay-s)."
        ),
    ],
    key: Annotated[
        str | None, typer.Option(help="Whose calls: those of this key, by its id,", show_default=False)
    ] = None,
    team: Annotated[str | None, typer.Option(help="or of this team,", show_default=False)] = None,
    share: Annotated[
        float | None, typer.Option(help="or this part of all calls that can go elsewhere: 0.05.", show_default=False)
    ] = None,
    delay_s: Annotated[float | None, typer.Option(help=f"At most {LONGEST_DELAY_S:g}.", show_default=False)] = None,
    lasts_s: Annotated[float, typer.Option(help=f"Then it ends by itself; at most {LONGEST_S:g}.")] = USUAL_S,
    note: Annotated[str, typer.Option(help="Who does this, and why.")] = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Begin a drill: within two seconds every gateway of the store plays it. Nobody else's calls notice."""
    terms = DrillTerms(group, kind, key, team, share, delay_s, lasts_s, note)

    async def work(office: Office) -> None:
        with by_option():
            begun = await office.ledger.drills.begin(terms, office.offer.groups)
        row = shapes.drill(begun, begun.begins_at)
        if as_json:
            print_json(row)
            return
        _print([row], as_json)
        err.print(f"It ends by itself; sooner with: gateway drill stop {begun.id}", highlight=False)

    run(config, work)


@drill.command("list")
def list_all(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the drills that are on."""

    async def work(office: Office) -> None:
        seen = await office.ledger.drills.on()
        _print([shapes.drill(each, seen.now) for each in seen.drills], as_json)

    run(config, work)


@drill.command()
def stop(
    drills: Annotated[
        list[str] | None, typer.Argument(metavar="DRILL", help="By id, as `gateway drill list` shows it.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every one that is on.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End drills now. Calls that hang because of them go on elsewhere within two seconds."""
    if every == bool(drills):
        raise BadRequest("say which by id, or --all; `gateway drill list` shows them")

    async def work(office: Office) -> None:
        ids = [each.id for each in (await office.ledger.drills.on()).drills] if every else drills or []
        ended = [await office.ledger.drills.end(each) for each in ids]
        _print([shapes.drill(each, each.ends_at) for each in ended], as_json)

    run(config, work)


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    cells = [
        (row["id"], row["group"], row["kind"], _whom(row), row["delay_s"], row["left_s"], row["note"]) for row in rows
    ]
    print_table(_COLUMNS, cells, right=_FIGURES)


def _whom(row: dict[str, Any]) -> str:
    return next(f"{name} {row[name]}" for name in ("key", "team", "share") if row[name] is not None)
