"""`gateway ledger`: the books, proven."""

from typing import Annotated

import typer

from gateway.cli.office import Office, run
from gateway.cli.options import AsJson, ConfigFile, err, print_json, print_table
from gateway.ledger.verify import Verified
from gateway.ledger.verify import verify as verified
from gateway.web import shapes

ledger = typer.Typer(no_args_is_help=True, help="The books: proven, and what in them is not certain.")


@ledger.command()
def verify(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compute every balance again from the rows of its ledger, and name the first entries that are wrong.

    Calls may go on meanwhile. Ends with 1 when anything is wrong.
    """
    found: list[Verified] = []

    async def work(office: Office) -> None:
        if team is not None:
            await office.ledger.books.team_balance(team)  # or there is no such team
        found.extend([each async for each in verified(office.ledger.books, team=team)])

    run(config, work)
    if as_json:
        print_json([shapes.verified(each) for each in found])
    else:
        _print(found)
    if any(each.faults for each in found):
        raise typer.Exit(1)


def _print(found: list[Verified]) -> None:
    rows = [(*list(shapes.verified(each).values())[:4], len(each.faults) or "none") for each in found]
    print_table(("ledger", "rows", "spent $", "held $", "faults"), rows, right=("rows", "spent $", "held $", "faults"))
    for each in found:
        for fault in each.faults:
            err.print(f"{each.whose}: {fault}", highlight=False, soft_wrap=True, markup=False)
