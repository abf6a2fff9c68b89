"""The README's tables, which the test run makes."""

from pathlib import Path

import pytest

README = Path(__file__).parent.parent.parent / "README.md"


def check_table(rows: list[list[str]], request: pytest.FixtureRequest) -> None:
    """That the README has these rows in the table whose first cell is theirs; writes them with --write-readme."""
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    before, begin, rest = README.read_text().partition(f"\n| {rows[0][0]} |")
    assert begin, f"README.md has lost its table that begins with {begin}"
    _, end, after = rest.partition("\n\n")
    written = f"{before}\n{table}{end}{after}"
    if request.config.getoption("write_readme"):
        README.write_text(written)
    assert README.read_text() == written, "README.md shows other results: run this test with --write-readme"


def mark(outcomes: dict[str, str]) -> str:
    """Of a call, by what became of it with each client."""
    return "✓" if set(outcomes.values()) == {"ok"} else "✗"
