"""Partners that many tests share: one simulator for the whole run, a gateway in front of it for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.house import Gateway, Simulator, open_gateway

# Where files run side by side the long ones are begun first, or the last of them is waited for alone.
LONG = ("kills", "e2e", "relay", "rehearse", "incidents")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    room = {item: item.path.parent.name for item in items}
    items.sort(key=lambda item: LONG.index(room[item]) if room[item] in LONG else len(LONG))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-readme", action="store_true", help="write the README's table of SDK calls anew")


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """A real simulator process: light pictures, no waiting. Steered by `[sim:FAULT@GROUP]` in the prompt."""
    with Simulator.started() as running:
        yield running


@pytest.fixture
async def gateway(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A real gateway on a port of its own, with an embedded store, in front of the simulator."""
    async with open_gateway(simulator, tmp_path) as running:
        yield running
