"""What compose.yaml starts fits together: with each other, with the gateway's settings, and with the simulator."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from gateway.config.load import load
from gateway.relay.supervisor import DRAIN_S
from gateway.sim.settings import SimSettings
from tests.deploy.dashboard import DEPLOY
from tests.deploy.prometheus import SHIPPED

COMPOSE = DEPLOY / "compose.yaml"
CONFIG = DEPLOY / "compose" / "gateway.yaml"
PROVISIONING = DEPLOY / "grafana" / "provisioning"

VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def read(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path)


@pytest.fixture(scope="module")
def parts() -> dict[str, dict[str, Any]]:
    """What compose starts, by name."""
    document: dict[str, dict[str, dict[str, Any]]] = read(COMPOSE)
    return document["services"]


def test_it_keeps_to_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_image_has_a_version_or_is_built_here(parts: dict[str, dict[str, Any]]) -> None:
    for name, part in parts.items():
        assert "build" in part or re.search(r":v?\d+\.\d+\.\d+", part["image"]), name


def test_nothing_listens_for_other_machines(parts: dict[str, dict[str, Any]]) -> None:
    ports = [port for part in parts.values() for port in part.get("ports", ())]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_what_is_mounted_from_here_exists_and_volumes_are_declared(parts: dict[str, dict[str, Any]]) -> None:
    mounts = [volume.split(":")[0] for part in parts.values() for volume in part.get("volumes", ())]
    files = {mount for mount in mounts if mount.startswith(".")}
    assert [mount for mount in files if not (DEPLOY / mount).exists()] == []
    assert set(mounts) - files == set(read(COMPOSE)["volumes"])


def test_addresses_name_what_compose_starts(parts: dict[str, dict[str, Any]]) -> None:
    settings = load(CONFIG, {}, Path.cwd())
    (datasource,) = read(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    (job,) = read(SHIPPED)["scrape_configs"]
    urls = [settings.store, datasource["url"], *(lane.lane.url for lane in settings.lanes)]
    urls += [f"http://{target}" for static in job["static_configs"] for target in static["targets"]]
    assert {urlsplit(url).hostname for url in urls} == set(parts) - {"grafana"}


def test_with_nothing_set_both_groups_are_the_simulators() -> None:
    settings = load(CONFIG, {}, Path.cwd())
    known = {key: (of.group, of.multiplier) for key, of in SimSettings().keys.items()}
    told = {each.key.reveal(): (each.lane.group.name, float(each.lane.group.multiplier)) for each in settings.lanes}
    assert len(told) == 2
    assert told.items() <= known.items()
    assert not settings.admin.keys


def test_an_empty_variable_is_one_that_is_not_set(parts: dict[str, dict[str, Any]]) -> None:
    empty = dict.fromkeys(parts["gateway"]["environment"], "")
    assert load(CONFIG, empty, Path.cwd()) == load(CONFIG, {}, Path.cwd())


def test_every_variable_of_the_configuration_is_handed_into_the_container(parts: dict[str, dict[str, Any]]) -> None:
    named = set(VARIABLE.findall(CONFIG.read_text(encoding="utf-8")))
    assert named == set(parts["gateway"]["environment"])


def test_a_gateway_is_given_the_time_to_finish_what_is_paid_for(parts: dict[str, dict[str, Any]]) -> None:
    seconds = re.fullmatch(r"(\d+)s", parts["gateway"]["stop_grace_period"])
    assert seconds is not None
    assert int(seconds[1]) > DRAIN_S


def test_grafana_knows_how_often_prometheus_reads() -> None:
    (datasource,) = read(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    assert datasource["jsonData"]["timeInterval"] == read(SHIPPED)["global"]["scrape_interval"]


def test_grafana_finds_the_dashboard_where_it_is_mounted(parts: dict[str, dict[str, Any]]) -> None:
    (provider,) = read(PROVISIONING / "dashboards" / "gateway.yaml")["providers"]
    folder = provider["options"]["path"]
    assert f"./grafana/dashboards:{folder}:ro" in parts["grafana"]["volumes"]
    home = Path(parts["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (DEPLOY / "grafana" / "dashboards" / home.relative_to(folder)).is_file()
