"""The admin API on an address of its own, with the gateway as a process of its own."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.test_commands import CONFIG, draw, environment, gateway
from tests.house import ADMIN_KEY, START_S, Simulator

APART = {"GATEWAY__ADMIN__LISTEN": "127.0.0.1:0"}


@dataclass(frozen=True)
class Serving:
    url: str
    admin_url: str
    process: "subprocess.Popen[str]"

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Asks the admin listener, as an administrator."""
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        url = f"{self.admin_url}{path}"
        return httpx2.request(method, url, headers=headers, timeout=START_S, trust_env=False, **more)


@pytest.fixture
def here(tmp_path: Path, simulator: Simulator) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    return tmp_path


@contextmanager
def serving(here: Path, **environ: str) -> Iterator[Serving]:
    with subprocess.Popen(
        ["gateway", "serve"],
        cwd=here,
        env=environment({**APART, **environ}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(2)]
        assert re.fullmatch(r"gateway: serving on http\S+\n", lines[0]), lines
        assert re.fullmatch(r"gateway: admin API on \S+\n", lines[1]), lines
        try:
            yield Serving(lines[0].split()[-1], lines[1].split()[-1], process)
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=START_S)


def test_it_is_served_there_and_nowhere_else(here: Path) -> None:
    with serving(here) as running:
        made = running.ask("POST", "/admin/api/keys", json={"team": "acme"})
        assert made.status_code == 201
        assert draw(running.url, made.json()["key"]).status_code == 200

        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        told = [
            httpx2.get(f"{running.url}{path}", headers=headers, trust_env=False)
            for path in ("/admin/api/keys", "/admin/api/nothing", "/no/such/path")
        ]
        assert [(each.status_code, each.text) for each in told] == [(404, told[2].text)] * 3
        assert running.ask("GET", "/admin/api/keys/key_1").json()["detail"] == "There is no key key_1."

        for path in ("/healthz", "/readyz", "/metrics"):
            assert httpx2.get(f"{running.url}{path}", trust_env=False).status_code == 200
            assert running.ask("GET", path).status_code == 404
        assert running.ask("POST", "/v1/images/generations", json={}).status_code == 404

        paths = [_paths(url) for url in (running.url, running.admin_url)]
        assert not [path for path in paths[0] if path.startswith("/admin")]
        assert paths[1]
        assert not [path for path in paths[1] if not path.startswith("/admin/api/")]


def _paths(url: str) -> list[str]:
    return list(httpx2.get(f"{url}/openapi.json", trust_env=False).json()["paths"])


def test_it_may_be_a_socket(here: Path) -> None:
    with serving(here, GATEWAY__ADMIN__LISTEN=f"unix:{here}/admin") as running:
        assert running.admin_url == f"unix:{here}/admin"
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=f"{here}/admin")) as http:
            headers = {"authorization": f"Bearer {ADMIN_KEY}"}
            assert http.get("http://admin/admin/api/teams", headers=headers).json() == {"teams": []}


def test_an_address_that_is_taken_is_said_in_one_line(here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        said = gateway(here, "serve", code=1, GATEWAY__ADMIN__LISTEN=place)
    assert said.startswith(f"gateway: cannot listen on {place}: Address already in use")
    assert said.count("\n") == 1
    words = {"GATEWAY__LISTEN": place, "GATEWAY__ADMIN__LISTEN": place}
    assert "admin.listen: is the address of listen; choose another" in gateway(here, "serve", code=2, **words)


def test_a_request_that_has_begun_is_answered_before_the_gateway_ends(here: Path) -> None:
    body = json.dumps({"id": "late"}).encode()
    head = (
        f"POST /admin/api/teams HTTP/1.1\r\nhost: admin\r\nauthorization: Bearer {ADMIN_KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n"
    )
    with serving(here) as running:
        host, port = running.admin_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=START_S) as asking:
            asking.sendall(head.encode())
            assert asking.recv(1000).startswith(b"HTTP/1.1 100 ")  # the body is waited for
            running.process.send_signal(signal.SIGTERM)
            _until_shut(running.admin_url)
            asking.sendall(body)
            assert asking.recv(10_000).startswith(b"HTTP/1.1 201 ")
        assert running.process.wait(timeout=START_S) == 0
    assert [team["id"] for team in json.loads(gateway(here, "teams", "list", "--json"))] == ["late"]


def _until_shut(url: str) -> None:
    """Until nobody is let in any more."""
    while True:
        try:
            httpx2.get(url, timeout=START_S, trust_env=False)
        except httpx2.TransportError:
            return
