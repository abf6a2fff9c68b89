"""`gateway store move`, as a person runs it: from the embedded store to a Redis, and on with the same keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_commands import CONFIG, gateway
from tests.e2e.test_readme import block
from tests.house import Simulator
from tests.ledger.servers import listening


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server, port = listening("redis", tmp_path / "redis", "--requirepass", "hidden")
    yield f"redis://:hidden@127.0.0.1:{port}/0"
    server.stop()


def test_the_books_are_moved_as_the_readme_says(here: Path, address: str) -> None:
    gateway(here, "teams", "create", "acme", "--budget-usd", "5")
    created = json.loads(gateway(here, "keys", "create", "--team", "acme", "--name", "ci", "--json"))
    before = gateway(here, "ledger", "verify", "--json")

    words = block("gateway store move").replace("redis://redis.example.org:6379/0", address).split()[1:]
    said = gateway(here, *words)
    shown = address.replace(":hidden@", "")
    assert "Both stores have the same books. Copied: " in said
    assert said.rstrip().endswith(f"  store: {shown}")
    assert "hidden" not in said

    assert gateway(here, "ledger", "verify", "--json", GATEWAY__STORE=address) == before
    listed = json.loads(gateway(here, "keys", "list", "--json", GATEWAY__STORE=address))
    assert [key["id"] for key in listed] == [created["id"]]
    again = gateway(here, "store", "move", code=2, GATEWAY_MOVE_TO=address)
    assert again == f"gateway: the store at {shown} has books already; name one that is empty\n"


def test_a_program_is_told_the_same(here: Path, address: str) -> None:
    gateway(here, "teams", "create", "acme")
    told = json.loads(gateway(here, "store", "move", "--json", GATEWAY_MOVE_TO=address))
    assert told["to"] == address.replace(":hidden@", "")
    assert told["configuration"] == {"store": told["to"]}
    assert told["keys"] == {"hash": 2, "zset": 0, "string": 0, "stream": 1}
    assert [each["ledger"] for each in told["ledgers"]] == ["acme", "operator"]


def test_a_store_that_keeps_nothing_needs_to_be_allowed_to(here: Path, tmp_path: Path) -> None:
    server, port = listening("redis", tmp_path / "redis", "--save", "")
    try:
        url = f"redis://127.0.0.1:{port}/0"
        refused = gateway(here, "ledger", "verify", code=2, GATEWAY__STORE=url)
        assert refused == (
            f"gateway: the store at {url} keeps nothing on disk, so that its next start begins with empty books: "
            "set appendonly yes, or store_may_forget: true in the configuration\n"
        )
        gateway(here, "ledger", "verify", GATEWAY__STORE=url, GATEWAY__STORE_MAY_FORGET="true")
    finally:
        server.stop()
