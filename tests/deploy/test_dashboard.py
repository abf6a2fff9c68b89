"""Every panel shows something: real queries, a real Prometheus, a real gateway on a bad day."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gateway.observe.metrics import Metrics
from tests.deploy import dashboard
from tests.deploy.prometheus import Prometheus, prometheus
from tests.house import MODEL, PRO, Gateway, Simulator, open_gateway
from tests.losable import LosableStore
from tests.waiting import PATIENCE_S, eventually

# A day on which everything happens. The last call leaves an attempt behind that hangs for a second.
BAD_DAY = (
    (MODEL, "a boat"),
    (PRO, "a boat"),
    (MODEL, "a boat [sim:busy@Default]"),
    (MODEL, "a boat [sim:cut]"),
    (MODEL, "a boat [sim:smaller]"),
    (MODEL, "a boat [sim:busy@Default] [sim:bad-key@NanoBananaEnterprise]"),
    ("no-such-model", "a boat"),
    (PRO, "a boat [sim:hang@Default]"),
)
QUICK = {"suspect_s": 0.2, "dwell_s": 0.1, "dwell_max_s": 0.1}
SHORT = {"total_s": 1, "total_long_s": 1}

GRID = 24


def test_every_panel_says_what_it_shows_and_in_which_unit() -> None:
    for panel in dashboard.panels():
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]


def test_panels_stand_side_by_side() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard.document()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= GRID, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert (x, y) not in taken, f"{panel['title']} covers {taken[x, y]}"
                taken[x, y] = panel["title"]


def test_lines_of_a_panel_can_be_told_apart() -> None:
    for panel in dashboard.panels():
        if panel["type"] != "stat":
            legends = [target["legendFormat"] for target in panel["targets"]]
            assert all(legends), panel["title"]
            assert len(set(legends)) == len(legends), panel["title"]


def test_panels_and_variables_ask_the_datasource_that_is_provisioned() -> None:
    provisioned = YAML(typ="safe", pure=True).load(
        dashboard.DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml"
    )
    uids = {each["uid"] for each in provisioned["datasources"]}
    asking = [*dashboard.panels(), *dashboard.document()["templating"]["list"]]
    asking += [target for panel in dashboard.panels() for target in panel["targets"]]
    assert {each["datasource"]["uid"] for each in asking} == uids


def test_the_runbook_has_what_panels_refer_to() -> None:
    headings = re.findall(r"^## (.+)$", (dashboard.DEPLOY / "runbook.md").read_text(), flags=re.M)
    named = {name for panel in dashboard.panels() for name in re.findall(r"Runbook: ([^.]+)\.", panel["description"])}
    assert named
    assert named <= set(headings)


def test_every_metric_of_the_gateway_is_on_the_dashboard() -> None:
    exposition = Metrics("0").exposition().decode()
    names = [line.split()[2] for line in exposition.splitlines() if line.startswith("# TYPE gateway_")]
    asked = " ".join(question.expression for question in dashboard.questions())
    assert names
    assert [name for name in names if name not in asked] == []


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LosableStore]:
    with LosableStore.started(tmp_path_factory.mktemp("store")) as running:
        yield running


async def test_no_panel_and_no_variable_comes_back_empty(
    simulator: Simulator, store: LosableStore, tmp_path: Path
) -> None:
    async with (
        open_gateway(simulator, tmp_path, store=store.url, failover=QUICK, timeouts=SHORT) as gateway,
        prometheus(gateway.url, tmp_path) as watching,
    ):
        until = time.monotonic() + PATIENCE_S
        while empty := await _empty(watching):
            assert time.monotonic() < until, empty
            await _bad_day(gateway, store)


async def _empty(watching: Prometheus) -> list[str]:
    """The panels and variables that would show nothing."""
    empty = [each.panel for each in dashboard.questions() if not await watching.numbers(each.expression)]
    return empty + [name for name, query in dashboard.variables().items() if not await watching.offered(query)]


async def _bad_day(gateway: Gateway, store: LosableStore) -> None:
    """Whatever can happen, once. At its end the store is away while the loser of a race is to be written down."""
    for model, prompt in BAD_DAY:
        await gateway.native(prompt, model=model)
    before = await _repeated_writes(gateway)
    with store.away():

        async def one_more() -> bool:
            return await _repeated_writes(gateway) > before

        await eventually(one_more)


async def _repeated_writes(gateway: Gateway) -> float:
    lines = (await gateway.http.get("/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("gateway_store_failures_total{"))
