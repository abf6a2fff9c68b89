"""A store behind TLS: its certificate is proven, by a CA of one's own if need be."""

from pathlib import Path

import pytest
import trustme

from gateway.ledger.errors import StoreError
from gateway.ledger.store import Store
from tests.ledger.clusters import cluster
from tests.ledger.everything import everything
from tests.ledger.servers import listening

SERVER = "redis"  # the packaged Valkey was built without TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def authority_file(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@pytest.fixture
def options(authority: trustme.CA, authority_file: Path, tmp_path: Path) -> list[str]:
    """With which a server speaks TLS, and nothing else."""
    issued, file = authority.issue_cert("127.0.0.1"), tmp_path / "server.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(file))
    words = {"cert-file": file, "key-file": file, "ca-cert-file": authority_file, "auth-clients": "no"}
    return [word for name, value in words.items() for word in (f"--tls-{name}", str(value))]


async def test_a_server_with_a_ca_of_ones_own(options: list[str], authority_file: Path, tmp_path: Path) -> None:
    server, port = listening(SERVER, tmp_path / "server", *options, port_for="--tls-port")
    try:
        async with Store.open(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority_file}", tmp_path) as store:
            await everything(store)
        assert await _refusal(f"rediss://u:hidden@127.0.0.1:{port}/0", tmp_path) == (
            f"cannot reach the store at rediss://127.0.0.1:{port}/0: its certificate is not trusted "
            "(self-signed certificate in certificate chain); name its CA with ?ssl_ca_certs=FILE"
        )
    finally:
        server.stop()


async def test_a_server_that_wants_a_certificate_gets_one(
    authority: trustme.CA, options: list[str], authority_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "client.pem"
    authority.issue_cert("gateway").private_key_and_cert_chain_pem.write_to_path(str(file))
    server, port = listening(SERVER, tmp_path / "server", *options[:-1], "yes", port_for="--tls-port")
    url = f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority_file}"
    try:
        async with Store.open(f"{url}&ssl_certfile={file}&ssl_keyfile={file}", tmp_path) as store:
            await store.ping()
        assert await _refusal(url, tmp_path) == (
            f"cannot reach the store at rediss://127.0.0.1:{port}/0: it may want a certificate of the gateway's own; "
            "name it with ?ssl_certfile=FILE&ssl_keyfile=FILE"
        )
    finally:
        server.stop()


async def test_a_cluster_with_a_ca_of_ones_own(options: list[str], authority_file: Path, tmp_path: Path) -> None:
    secured = (*options, "--tls-cluster", "yes", "--tls-replication", "yes")
    with cluster(SERVER, tmp_path / "cluster", *secured, port_for="--tls-port") as servers:
        url = servers.url.replace("redis+", "rediss+")
        async with Store.open(f"{url}?ssl_ca_certs={authority_file}", tmp_path) as store:
            await everything(store, ("acme", "beta", "gamma"))


async def _refusal(url: str, tmp_path: Path) -> str:
    with pytest.raises(StoreError) as refused:
        async with Store.open(url, tmp_path):
            pass
    return str(refused.value)
