"""A whole gateway for tests: real processes and sockets, nothing in it replaced."""

import asyncio
import base64
import io
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from gateway import app as house
from gateway.config.load import parse
from gateway.config.settings import Settings
from gateway.core.keys import Key, Limits
from gateway.listening import address_of, listen_on, serve_on
from gateway.relay.vigil import Pulse

MODEL = "gemini-3.1-flash-image-preview"
PRO = "gemini-3-pro-image-preview"
ADMIN_KEY = "admin-key-for-tests-0123456789"

# A simulator on a busy two-core machine may take this long to come up.
START_S = 60


@dataclass(frozen=True, slots=True)
class Simulator:
    """The fake seller. Its bill is keyed by the attempt ids that the gateway sends."""

    url: str

    @classmethod
    @contextmanager
    def started(cls, *options: str) -> Iterator["Simulator"]:
        command = [sys.executable, "-m", "gateway", "sim", "--port", "0", "--while-stdin", *(options or _FAST)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            line = process.stdout.readline().decode().strip()
            assert line.startswith("sim: http"), f"the simulator said {line!r}"
            try:
                yield cls(line.removeprefix("sim: "))
            finally:
                process.stdin.close()
                process.wait(timeout=START_S)

    def bill(self, call_id: str = "") -> list[dict[str, Any]]:
        """What the seller charges for the attempts of a call, or for all there ever were."""
        rows = httpx2.get(f"{self.url}/sim/bill", trust_env=False).json()["rows"]
        return [row for row in rows if row["id"].startswith(call_id)]

    def idle(self) -> bool:
        """Whether nobody waits for anything, and nothing is drawn for anybody who has left."""
        status = httpx2.get(f"{self.url}/sim/status", trust_env=False).json()
        return not (status["waiting"] or status["at_work"])

    def requests(self, call_id: str) -> list[dict[str, Any]]:
        """The requests of a call, as the seller received them."""
        answer = httpx2.get(f"{self.url}/sim/requests", trust_env=False).json()
        rows = answer["requests"] if isinstance(answer, dict) else answer
        return [row for row in rows if row["headers"].get("x-request-id", "").startswith(call_id)]

    def reply(self, attempt_id: str) -> bytes:
        """The very bytes that the seller sent for an attempt."""
        answer = httpx2.get(f"{self.url}/sim/replies/{attempt_id}", trust_env=False)
        assert answer.status_code == 200
        return answer.content


_FAST = ("--speed", "0", "--light")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and a client that sends the key `secret`."""

    url: str
    secret: str
    key: Key
    running: house.House
    http: httpx2.AsyncClient
    log: Path

    async def native(self, prompt: str, *, model: str = MODEL, **config: Any) -> httpx2.Response:
        body: dict[str, Any] = {"contents": [{"parts": [{"text": prompt}]}]}
        if config:
            body["generationConfig"] = {"imageConfig": config}
        return await self.http.post(f"/v1beta/models/{model}:generateContent", json=body)

    async def images(self, prompt: str, *, model: str = MODEL, **more: Any) -> httpx2.Response:
        return await self.http.post("/v1/images/generations", json={"model": model, "prompt": prompt, **more})

    async def chat(self, prompt: str, *, model: str = MODEL, **more: Any) -> httpx2.Response:
        body = {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
        return await self.http.post("/v1/chat/completions", json=body)

    async def usage(self) -> dict[str, Any]:
        answer = await self.http.get("/gateway/usage")
        assert answer.status_code == 200
        usage: dict[str, Any] = answer.json()
        return usage

    async def spent_nanos(self) -> int:
        return (await self.running.ledger.books.balance(self.key)).spent_nanos

    async def new_key(self, limits: Limits) -> tuple[Key, str]:
        return await self.running.ledger.keys.create_key("acme", name="another", limits=limits, now=time.time())


@asynccontextmanager
async def open_gateway(
    simulator: Simulator, directory: Path, *, store: str = "embedded", pulse: Pulse = Pulse(), **sections: Any
) -> AsyncIterator[Gateway]:
    """A gateway before the simulator. `sections` of the configuration are put in place of the usual ones."""
    settings = settings_for(simulator, directory, store=store, **sections)
    log = directory / "gateway.log"
    with log.open("w") as lines:
        async with house.running(settings, lines, pulse) as running:
            await running.ledger.keys.ensure_team("acme", now=time.time())
            key, secret = await running.ledger.keys.create_key("acme", name="test", limits=Limits(), now=time.time())
            async with _serving(running, settings) as url, _client(url, secret) as http:
                yield Gateway(url, secret, key, running, http, log)


def settings_for(simulator: Simulator, directory: Path, **sections: Any) -> Settings:
    groups = [
        {"name": "Default", "multiplier": 1.0, "lanes": [{"url": simulator.url, "key": "sim-key-default"}]},
        {
            "name": "NanoBananaEnterprise",
            "multiplier": 1.4,
            "lanes": [{"url": simulator.url, "key": "sim-key-enterprise"}],
        },
    ]
    document: Mapping[str, Any] = {
        "listen": "127.0.0.1:0",
        "data_dir": str(directory / "data"),
        "admin": {"key": ADMIN_KEY},
        "groups": [{**group, "billing": "pay-as-you-go-priority"} for group in groups],
        **sections,
    }
    return parse(document, {}, directory)


@asynccontextmanager
async def _serving(running: house.House, settings: Settings) -> AsyncIterator[str]:
    stop = asyncio.Event()
    with listen_on(settings.listen) as listening:
        # asyncio's own loop, unlike that of `gateway serve`, sends the end of a small answer 40 ms late otherwise.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = asyncio.create_task(serve_on(running.app, listening, stop), name="gateway")
        try:
            yield address_of(listening)
        finally:
            stop.set()
            await server


@asynccontextmanager
async def _client(url: str, secret: str) -> AsyncIterator[httpx2.AsyncClient]:
    headers = {"authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=START_S, trust_env=False) as http:
        yield http


def pixels(encoded: str) -> tuple[int, int]:
    """The real size of a picture in base64: it is opened, and decoded to its end."""
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        image.load()
        return image.size


def native_picture(document: dict[str, Any]) -> str:
    """The base64 of the picture in a native answer."""
    parts = document["candidates"][0]["content"]["parts"]
    return str(next(part["inlineData"]["data"] for part in parts if "inlineData" in part))
