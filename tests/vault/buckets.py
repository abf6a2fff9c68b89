"""A real server that speaks S3, on loopback, for as long as tests want one."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.ledger.servers import free_port
from tests.waiting import PATIENCE_S

ACCESS_KEY, SECRET_KEY = "an-access-key", "a-secret-access-key"
BUCKET = "results"


@dataclass(frozen=True, slots=True)
class Server:
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """What tells a client of it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """On ports that were free a moment ago; on others where they are not any more."""
    for number in range(5):
        place = home / str(number)
        place.mkdir()
        port = free_port()
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(_command(place, port), stdout=log, stderr=log, cwd=place)
        try:
            if _answers(process, port):
                yield Server(port)
                return
        finally:
            process.kill()  # asked to end it takes half a minute, and what it has is thrown away
            process.wait()
    raise RuntimeError((place / "log").read_text()[-2000:])


def _command(place: Path, port: int) -> list[str]:
    weed = shutil.which("weed")
    assert weed, "tests/run installs it"
    actions = ["Admin", "Read", "Write", "List"]
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    (place / "s3.json").write_text(
        json.dumps({"identities": [{"name": "tests", "credentials": credentials, "actions": actions}]})
    )
    ports = {name: free_port() for name in ("master.port", "volume.port", "filer.port")} | {"s3.port": port}
    ports |= {f"{name}.grpc": free_port() for name in ports}
    return [
        *(weed, "server", "-s3", f"-dir={place}", f"-s3.config={place / 's3.json'}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=1000"),
        *("-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-filer.localSocket={place / 'filer'}", f"-s3.localSocket={place / 's3'}"),
        *(f"-{name}={number}" for name, number in ports.items()),
    ]


def _answers(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether it takes something, which makes the bucket, as soon as it does; not when it has ended instead."""
    bucket = S3Store(
        BUCKET,
        endpoint=f"http://127.0.0.1:{port}",
        region="us-east-1",
        access_key_id=ACCESS_KEY,
        secret_access_key=SECRET_KEY,
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    patience = time.monotonic() + PATIENCE_S
    while process.poll() is None:
        assert time.monotonic() < patience, "it does not answer"
        try:
            obstore.put(bucket, "ready", b"")
        except BaseError:
            time.sleep(0.05)
        else:
            return True
    return False
