"""The commands. `main` is what the console script calls: it turns the house's own errors into one line and a code.

Exit codes: 0 all went well, 2 the configuration or the command line is wrong, 1 anything else.
"""

import asyncio
import sys

import typer

from gateway.cli import demo, server
from gateway.cli.archive import archive
from gateway.cli.audit import audit
from gateway.cli.calls import calls
from gateway.cli.drill import drill
from gateway.cli.keys import keys
from gateway.cli.ledger import ledger
from gateway.cli.reconcile import reconcile
from gateway.cli.rehearse import rehearse
from gateway.cli.store import store
from gateway.cli.teams import teams
from gateway.cli.unsettled import resolve, unsettled
from gateway.cli.usage import usage, waste
from gateway.config.settings import ConfigError
from gateway.core.errors import BooksAway, CallerError
from gateway.ledger.errors import StoreError

app = typer.Typer(
    name="gateway",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Nano Banana Gateway: one base_url in front of Google's image models.",
)
server.add(app)
demo.add(app)
app.add_typer(teams, name="teams")
app.add_typer(keys, name="keys")
ledger.command()(unsettled)
ledger.command()(resolve)
ledger.command()(reconcile)
ledger.command()(archive)
app.add_typer(ledger, name="ledger")
app.add_typer(drill, name="drill")
app.add_typer(store, name="store")
app.command()(usage)
app.command()(waste)
app.add_typer(calls, name="calls")
app.command()(audit)
app.command()(rehearse)


def main() -> None:
    try:
        app()
    except ConfigError as error:
        _end(2, *error.problems)
    except (StoreError, CallerError) as error:
        _end(2, str(error))
    except BooksAway as error:
        _end(1, str(error))
    except asyncio.CancelledError:
        _end(1, "ended before everything in flight was finished")
    except OSError as error:
        _end(1, str(error))


def _end(code: int, *lines: str) -> None:
    for line in lines:
        print(f"gateway: {line}", file=sys.stderr)  # noqa: T201  a command's own words
    sys.exit(code)
