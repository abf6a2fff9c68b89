"""A real Prometheus with the configuration that is shipped, on a port of its own, reading one gateway of a test."""

import asyncio
import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from ruamel.yaml import YAML

from tests.deploy.dashboard import DEPLOY
from tests.waiting import eventually

SHIPPED = DEPLOY / "prometheus" / "prometheus.yml"

_LISTENING = re.compile(r'msg="Listening on".* address=(\S+)')
_LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


@dataclass(frozen=True, slots=True)
class Prometheus:
    http: httpx2.AsyncClient

    async def numbers(self, expression: str) -> list[float]:
        """What an expression comes to now, one number a series; what is not a number is left out."""
        answer = await self.http.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        numbers = [float(series["value"][1]) for series in answer.json()["data"]["result"]]
        return [number for number in numbers if not math.isnan(number)]

    async def offered(self, query: str) -> list[str]:
        """What a dashboard's variable would offer for `label_values(metric, label)`."""
        found = _LABEL_VALUES.fullmatch(query)
        assert found is not None, query
        answer = await self.http.get(f"/api/v1/label/{found[2]}/values", params={"match[]": found[1]})
        assert answer.status_code == 200, answer.text
        values: list[str] = answer.json()["data"]
        return values


@asynccontextmanager
async def prometheus(gateway_url: str, directory: Path) -> AsyncIterator[Prometheus]:
    """Reads the gateway twice a second. Its first look comes about five seconds after its start."""
    config, output = directory / "prometheus.yml", directory / "prometheus.log"
    _write(config, target=gateway_url.removeprefix("http://"))
    command = (
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'series'}",
        "--web.listen-address=127.0.0.1:0",
    )
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stderr=log, stdout=log)
    try:
        url = await _address(process, output)
        async with httpx2.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            yield Prometheus(http)
    finally:
        process.terminate()
        await process.wait()


def _write(config: Path, *, target: str) -> None:
    """The configuration that is shipped, but for where the gateway is and how long a test will wait."""
    document = YAML(typ="safe", pure=True).load(SHIPPED)
    document["global"]["scrape_interval"] = "500ms"
    (job,) = document["scrape_configs"]
    (static,) = job["static_configs"]
    static["targets"] = [target]
    job["scrape_timeout"] = "500ms"
    with config.open("w", encoding="utf-8") as file:
        YAML().dump(document, file)


async def _address(process: asyncio.subprocess.Process, output: Path) -> str:
    async def told() -> bool:
        assert process.returncode is None, f"Prometheus ended; see {output}"
        return _told(output) is not None

    await eventually(told)
    return f"http://{_told(output)}"


def _told(output: Path) -> str | None:
    """Where it listens, once it has said so."""
    found = _LISTENING.search(output.read_text())
    return found[1] if found else None
