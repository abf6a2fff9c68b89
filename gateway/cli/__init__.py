"""The commands. `main` is what the console script calls."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from gateway import __version__
from gateway.cli.endings import told

# Where each first word leads: a module here, and what in it has the word's name. Only what is asked for is loaded.
_WORDS = {
    "serve": "serve",
    "check": "check",
    "sim": "sim",
    "demo": "demo",
    "teams": "teams",
    "keys": "keys",
    "ledger": "ledger",
    "drill": "drill",
    "store": "store",
    "usage": "usage",
    "waste": "usage",
    "calls": "calls",
    "jobs": "jobs",
    "audit": "audit",
    "rehearse": "rehearse",
}


class _Words(TyperGroup):
    """A command's module, and with it what that needs of the house, is loaded when its word is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_WORDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _command(cmd_name) if cmd_name in _WORDS else None


def _command(word: str) -> Any:
    found = getattr(import_module(f"{__name__}.{_WORDS[word]}"), word)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command()(found)
        command = get_command(alone)
    command.name = word
    return command


app = typer.Typer(
    cls=_Words, name="gateway", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gateway {__version__}")
        raise typer.Exit


@app.callback()
def gateway(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Nano Banana Gateway: one base_url in front of Google's image models."""


def main() -> None:
    with told():
        app()
