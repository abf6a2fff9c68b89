"""Who is measured: the gateway with every duty on, nginx as the floor, and peers where they are installed.

Each runs on one core, which it has for itself; its callers, its seller and the gateway's store are on the other.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.bench.wire import meter
from tests.waiting import until

_CORES = sorted(os.sched_getaffinity(0))
MEASURED_CORE, OTHER_CORE = _CORES[0], _CORES[-1]

_CONFIG = """
listen: 127.0.0.1:0
data_dir: data
store: {store}
groups:
  - name: Default
    multiplier: 1.0
    billing: pay-as-you-go-priority
    lanes:
      - {{url: "{seller}", key: seller-key-default}}
  - name: NanoBananaEnterprise
    multiplier: 1.4
    billing: pay-as-you-go-priority
    lanes:
      - {{url: "{seller}", key: seller-key-enterprise}}
{more}
"""

_NGINX = """
daemon off; worker_processes 1; worker_rlimit_nofile 40000; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 0;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream seller {{ server {seller}; keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location / {{
      proxy_pass {scheme}://seller; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_request_buffering off;
      proxy_read_timeout 700s; proxy_ssl_session_reuse on;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """`head` goes in front of the headers of every request; `translates`: it speaks OpenAI's formats to its callers."""

    name: str
    port: int
    pid: int
    head: str = ""
    translates: bool = False

    @property
    def pids(self) -> list[int]:
        return meter.descendants(self.pid)


@dataclass(frozen=True, slots=True)
class Seller:
    """`trust` is the certificate of who vouches for it; None: it speaks without TLS."""

    port: int
    trust: Path | None

    @property
    def scheme(self) -> str:
        return "https" if self.trust else "http"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}" if self.trust else f"http://127.0.0.1:{self.port}"


@contextmanager
def started(command: list[str], core: int, cwd: Path, env: Mapping[str, str] = {}) -> Iterator["subprocess.Popen[str]"]:
    """A process on one core, whose input and output are open; it ends with the block."""
    with (cwd / "errors").open("w") as errors:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            cwd=cwd,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=60)


@contextmanager
def seller(place: Path, *, tls: bool = False) -> Iterator[Seller]:
    here = _made(place / "seller")
    command = [sys.executable, "-m", "tests.bench.wire.seller"]
    if tls:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(here / "ca.pem")
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(here / "seller.pem")
        command += ["--certificate", str(here / "seller.pem")]
    with started(command, OTHER_CORE, here, HERE) as process:
        assert process.stdout is not None
        yield Seller(int(process.stdout.readline()), here / "ca.pem" if tls else None)


@contextmanager
def nginx(place: Path, to: Seller) -> Iterator[Target]:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert found, "nginx is not installed: apt-get install nginx-light"
    here, port = _made(place / "nginx"), free_port()
    (here / "nginx.conf").write_text(_NGINX.format(seller=f"127.0.0.1:{to.port}", port=port, scheme=to.scheme))
    with started([found, "-p", str(here), "-c", str(here / "nginx.conf")], MEASURED_CORE, here) as process:
        until(lambda: _listens(port))
        yield Target("nginx", port, process.pid)


@contextmanager
def store(place: Path) -> Iterator[str]:
    """A Redis that keeps everything on disk, as the README recommends one."""
    here = _made(place / "redis")
    socket_at = here / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket_at), "--appendonly", "yes", "--save", ""]
    with started(command, OTHER_CORE, here):
        until(socket_at.exists)
        yield f"unix://{socket_at}"


@contextmanager
def gateway(
    place: Path, to: Seller, store_url: str, *, name: str = "gateway", more: str = "", env: Mapping[str, str] = {}
) -> Iterator[Target]:
    """With a key of its own, whose limits are looked at in every call."""
    here = _made(place / name)
    (here / "config.yaml").write_text(_CONFIG.format(store=store_url, seller=to.url, more=more))
    program = [sys.executable, "-m", "gateway"]
    trust = {"SSL_CERT_FILE": str(to.trust)} if to.trust else {}
    env = {**HERE, **trust, **env}
    budget = ("--budget-usd", "1000000", "--budget-day-usd", "1000000")
    said = subprocess.run(
        [*program, "keys", "create", "--team", "wire", "--json", *budget],
        cwd=here,
        env={**os.environ, **env},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    head = f"authorization: Bearer {json.loads(said)['key']}\r\n"
    serve = ["sh", "-c", 'exec "$@" >log', "sh", *program, "serve"]
    with started(serve, MEASURED_CORE, here, env) as process:
        errors = here / "errors"
        until(lambda: "serving on http" in errors.read_text())
        url = errors.read_text().rpartition("serving on ")[2].split()[0]
        yield Target(name, int(url.rpartition(":")[2]), process.pid, head, translates=True)


HERE = {"PYTHONPATH": str(Path(__file__).parents[3])}


def _made(place: Path) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    return place


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """One that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
