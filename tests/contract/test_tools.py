"""What other people's tools make of the gateway, when nothing but its address and a key is given to them."""

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.house import Simulator, open_gateway
from tests.sdks.programs import NODE, SDKS, python_of, tried
from tests.sdks.readme import check_table, mark


def _python(environment: str, tool: str) -> tuple[Path | str, ...]:
    return python_of(environment, f"tests.sdks.tools.{tool}_calls")


TOOLS: dict[str, tuple[Path | str, ...]] = {
    "LangChain": _python("tools-a", "langchain"),
    "Pydantic AI": _python("tools-a", "pydantic_ai"),
    "LlamaIndex": _python("tools-b", "llama_index"),
    "Vercel AI SDK": (NODE, SDKS / "node" / "ai_calls.mjs"),
    "LiteLLM": _python("tools-a", "litellm"),
    "gemimg": _python("tools-a", "gemimg"),
    "llm": _python("tools-a", "llm"),
}

Told = dict[str, dict[str, Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What each program said; one after the other, since some of them fill a core."""
    async with open_gateway(simulator, tmp_path_factory.mktemp("gateway")) as gateway:
        return {tool: await tried(*command, gateway.url, gateway.secret) for tool, command in TOOLS.items()}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_call_of_a_tool_works(told: Told, tool: str) -> None:
    calls = told[tool]["calls"]
    assert {call: clients for call, clients in calls.items() if set(clients.values()) != {"ok"}} == {}
    assert len(calls) > 6


def test_the_readme_shows_the_table(told: Told, request: pytest.FixtureRequest) -> None:
    rows = [["tool", "version", "calls that work"], ["---", "---", "---"]]
    for tool, said in told.items():
        good = [call for call, clients in said["calls"].items() if mark(clients) == "✓"]
        rows.append([tool, said["version"], f"{len(good)} of {len(said['calls'])}"])
    check_table(rows, request)
