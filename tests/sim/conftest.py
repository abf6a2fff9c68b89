"""A simulator on a free port, in a thread, and a caller to speak to it."""

import base64
import io
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from PIL import Image

from gateway.sim import wire
from gateway.sim.app import SimSettings, build_sim

NB2 = "gemini-3.1-flash-image"
PRO = "gemini-3-pro-image"
NB1 = "gemini-2.5-flash-image"
DEFAULT = "sim-key-default"
ENTERPRISE = "sim-key-enterprise"


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone who buys pictures from the simulator and may look into its books."""

    url: str
    http: httpx2.Client

    def ask(
        self, prompt: str = "A heron", *, model: str = NB2, call_id: str = "", key: str = DEFAULT, **config: Any
    ) -> httpx2.Response:
        """One native call; `config` is what goes into generationConfig."""
        body = {"contents": [{"parts": [{"text": prompt}]}], "generationConfig": config}
        return self.send(body, model=model, call_id=call_id, key=key)

    def send(
        self,
        body: Any,
        *,
        model: str = NB2,
        verb: str = "generateContent",
        call_id: str = "",
        key: str = DEFAULT,
    ) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key}", **({"x-request-id": call_id} if call_id else {})}
        return self.http.post(f"/v1beta/models/{model}:{verb}", json=body, headers=headers)

    def chat(self, body: dict[str, Any], **headers: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {DEFAULT}", **headers}
        return self.http.post("/v1/chat/completions", json={"model": NB2, **body}, headers=headers)

    def rows(self, call_id: str) -> list[dict[str, Any]]:
        """What the bill says about a call."""
        return [row for row in self.http.get("/sim/bill").json()["rows"] if row["id"] == call_id]

    def status(self) -> dict[str, Any]:
        return dict(self.http.get("/sim/status").json())


Launch = Callable[[SimSettings], AbstractContextManager[Caller]]


@contextmanager
def _launched(settings: SimSettings) -> Iterator[Caller]:
    server, listening = wire.server(build_sim(settings)), wire.listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="sim")
    thread.start()
    try:
        with httpx2.Client(base_url=url, timeout=60, trust_env=False) as http:
            yield Caller(url, http)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def launch() -> Launch:
    """For a test that needs a simulator with settings of its own."""
    return _launched


@pytest.fixture(scope="session")
def sim() -> Iterator[Caller]:
    """One simulator for all tests that only call it: no waiting, light pictures."""
    with _launched(SimSettings(speed=0, weight="light")) as caller:
        yield caller


@pytest.fixture
def call_id(_call_numbers: Iterator[int]) -> str:
    """An id that no other call of the run has."""
    return f"call-{next(_call_numbers)}"


@pytest.fixture(scope="session")
def _call_numbers() -> Iterator[int]:
    return itertools.count(1)


def pictures(reply: dict[str, Any]) -> list[Image.Image]:
    """The pictures of a native reply, opened and decoded."""
    parts = reply["candidates"][0]["content"]["parts"]
    return [opened(part["inlineData"]) for part in parts if "inlineData" in part]


def opened(inline: dict[str, str]) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(inline["data"], validate=True)))
    image.load()
    assert Image.MIME[image.format or ""] == inline["mimeType"]
    return image


def reference(width: int, height: int) -> dict[str, Any]:
    """A reference picture as a part of a request."""
    out = io.BytesIO()
    Image.new("L", (width, height)).save(out, "PNG")
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(out.getvalue()).decode()}}
