"""Every call of the official SDKs, in several major versions and both languages; the README shows what came of it.

Each program runs in an environment of its own, made by tests/run, against one gateway.
"""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from tests.house import Gateway, Simulator, open_gateway
from tests.sdks.programs import NODE, SDKS, python_of, tried
from tests.sdks.readme import check_table, mark

# Two cores: what waits for the simulator and what opens pictures fill each other's gaps.
AT_ONCE = 2


class Sdk(NamedTuple):
    """One SDK in one language: its family, the major version that is meant, and the command that makes its calls."""

    family: str
    major: str
    command: tuple[Path | str, ...]

    def __str__(self) -> str:
        return f"{self.family} {self.major}{' node' if self.command[0] == NODE else ''}"


def _python(environment: str | None, program: str) -> tuple[Path | str, ...]:
    return python_of(environment, f"tests.sdks.{program}")


SDKS_TRIED = (
    Sdk("openai", "1", _python("openai-1", "openai_calls")),
    Sdk("openai", "2", _python("openai-2", "openai_calls")),
    Sdk("openai", "3", _python(None, "openai_calls")),
    Sdk("openai", "7", (NODE, SDKS / "node" / "openai_calls.mjs")),
    Sdk("google-genai", "1", _python("genai-1", "genai_calls")),
    Sdk("google-genai", "2", _python("genai-2", "genai_calls")),
    Sdk("google-genai", "3", _python(None, "genai_calls")),
    Sdk("google-genai", "3", (NODE, SDKS / "node" / "genai_calls.mjs")),
)

Told = dict[Sdk, dict[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each program said: the version of its SDK, and what became of each call with each of its clients."""
    turn = asyncio.Semaphore(AT_ONCE)
    async with open_gateway(simulator, tmp_path_factory.mktemp("gateway")) as gateway:
        said = await asyncio.gather(*[_run(sdk, gateway, turn) for sdk in SDKS_TRIED])
    return dict(zip(SDKS_TRIED, said, strict=True))


@pytest.mark.parametrize("sdk", SDKS_TRIED, ids=str)
def test_every_call_works_with_every_client(told: Told, sdk: Sdk) -> None:
    assert told[sdk]["version"].split(".")[0] == sdk.major
    calls = told[sdk]["calls"]
    assert {call: clients for call, clients in calls.items() if set(clients.values()) != {"ok"}} == {}
    python = sdk.command[0] != NODE
    assert all(set(clients) == ({"sync", "async"} if python else {"async"}) for clients in calls.values())


def test_the_sdks_of_one_family_make_the_same_calls(told: Told) -> None:
    calls = {(sdk.family, tuple(said["calls"])) for sdk, said in told.items()}
    assert sorted((family, len(named) > 12) for family, named in calls) == [("google-genai", True), ("openai", True)]


def test_the_readme_shows_the_table(told: Told, request: pytest.FixtureRequest) -> None:
    """A block of rows for each family: the versions of its SDKs, then a row for each call."""
    rows = [["call", "Python", "", "", "JavaScript"], ["---", *[":-:"] * 4]]
    for family in dict.fromkeys(sdk.family for sdk in told):
        block = [said for sdk, said in told.items() if sdk.family == family]
        rows.append([f"**{family}**", *[said["version"] for said in block]])
        rows.extend([call, *[mark(said["calls"][call]) for said in block]] for call in block[0]["calls"])
    check_table(rows, request)


async def _run(sdk: Sdk, gateway: Gateway, turn: asyncio.Semaphore) -> dict[str, Any]:
    async with turn:
        return await tried(*sdk.command, gateway.url, gateway.secret)
