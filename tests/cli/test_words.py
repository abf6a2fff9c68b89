"""The first word of a command, and what of the house is loaded for it."""

import subprocess
import sys

from typer.testing import CliRunner

from gateway import __version__
from gateway.cli import app


def test_the_help_names_every_command_with_what_it_does() -> None:
    told = CliRunner().invoke(app, ["--help"]).output
    assert "Serve until SIGTERM or Ctrl-C" in told
    assert "Keys: what callers send" in told


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"gateway {__version__}\n"


def test_a_word_that_is_none_is_refused() -> None:
    told = CliRunner().invoke(app, ["key"])
    assert told.exit_code == 2
    assert "No such command 'key'" in told.output


def test_a_command_of_the_books_does_not_wait_for_the_web_framework() -> None:
    code = (
        "import sys; from gateway.cli import app; app(['keys', '--help'], standalone_mode=False); print(*sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(told.splitlines()[-1].split())
    assert "gateway.cli.keys" in loaded
    assert not {"fastapi", "PIL", "gateway.app", "gateway.sim"} & loaded
