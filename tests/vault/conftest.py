"""Room on a disk for the answers of one process, and the places where results are kept."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from gateway.vault.bucket import Bucket
from gateway.vault.folder import Folder
from gateway.vault.sealed import Sealed
from gateway.vault.spools import Spools
from gateway.vault.store import Store
from tests.vault import buckets
from tests.vault.tapes import PLENTY


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path / "spools", PLENTY, memory_bytes=0)) as made:
        yield made


@pytest.fixture
def no_room(tmp_path: Path) -> Iterator[Spools]:
    with closing(Spools(tmp_path / "spools", 0, memory_bytes=0)) as made:
        yield made


@pytest.fixture(scope="session")
def bucket_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[buckets.Server]:
    with buckets.serving(tmp_path_factory.mktemp("buckets")) as running:
        yield running


@pytest.fixture
def bucket(bucket_server: buckets.Server, spools: Spools, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket that holds nothing yet."""
    for name, value in bucket_server.environment.items():
        monkeypatch.setenv(name, value)
    with closing(Bucket(f"s3://{buckets.BUCKET}/{uuid4().hex}", spools)) as made:
        yield made


@pytest.fixture(params=["folder", "bucket", "sealed folder", "sealed bucket"])
def store(request: pytest.FixtureRequest, spools: Spools, tmp_path: Path) -> Store:
    """Every kind of store in turn."""
    kind = request.param
    made: Store = request.getfixturevalue("bucket") if kind.endswith("bucket") else Folder(tmp_path / "results")
    return Sealed(made, b"a key of the vault", spools, no_wrong_key) if kind.startswith("sealed") else made


def no_wrong_key() -> None:
    pytest.fail("there is one key")
