"""`gateway store`: where the books are kept."""

from typing import Annotated

import typer
import uvloop

from gateway.cli.office import whoever
from gateway.cli.options import AsJson, ConfigFile, err, out, print_json, print_table, settings_of
from gateway.core.money import usd_of
from gateway.ledger.move import Moved
from gateway.ledger.move import move as moved

store = typer.Typer(no_args_is_help=True, help="Where the books are kept.")


@store.callback()
def _group() -> None:
    """Where the books are kept."""


@store.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", envvar="GATEWAY_MOVE_TO", show_envvar=True, help="As `store` in the configuration."
        ),
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy everything from the store of the configuration to another one, and verify it there.

    No gateway may run meanwhile. The other store has to be empty. If it is broken off, repeat it: it begins again. The
    old store is left as it is. Ends with 1 when anything is wrong in the books, which are then alike wrong in both.
    """
    settings = settings_of(config)
    found = uvloop.run(moved(settings.store, to, settings.data_dir, whoever(), may_forget=settings.store_may_forget))
    if as_json:
        print_json(_document(found))
    else:
        _print(found)
    if any(each.faults for each in found.ledgers):
        raise typer.Exit(1)


def _document(found: Moved) -> dict[str, object]:
    ledgers = [
        {
            "ledger": each.whose,
            "rows": each.rows,
            "spent_usd": usd_of(each.sums.spent),
            "held_usd": usd_of(each.sums.held),
            "faults": each.faults,
        }
        for each in found.ledgers
    ]
    wanted = {"store": found.target}
    return {"from": found.source, "to": found.target, "keys": found.keys, "ledgers": ledgers, "configuration": wanted}


def _print(found: Moved) -> None:
    rows = [
        (each.whose, each.rows, usd_of(each.sums.spent), usd_of(each.sums.held), len(each.faults) or "none")
        for each in found.ledgers
    ]
    print_table(("ledger", "rows", "spent $", "held $", "faults"), rows, right=("rows", "spent $", "held $", "faults"))
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(found.keys.items()) if count)
    out.print(f"\nBoth stores have the same books. Copied: {counts or 'nothing'}.", highlight=False)
    out.print("Write into the configuration, with the user and password that --to had:", highlight=False)
    out.print(f"  store: {found.target}", highlight=False, markup=False, soft_wrap=True)
    for each in found.ledgers:
        for fault in each.faults:
            err.print(f"{each.whose}: {fault}", highlight=False, soft_wrap=True, markup=False)
