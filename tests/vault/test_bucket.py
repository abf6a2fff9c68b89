"""What is so of results in a bucket alone: parts, where they lie, what is on the disk, and what a failure tells."""

from contextlib import closing
from pathlib import Path

import pytest

from gateway.vault.bucket import Bucket
from gateway.vault.records import NotKept
from gateway.vault.spools import Spools
from tests.ledger.servers import free_port
from tests.vault.buckets import BUCKET, SECRET_KEY
from tests.vault.kept import NOW, keep, kept, label, names, opened, reply_of
from tests.vault.tapes import FULL, chunk_of, files


async def test_a_picture_is_sent_in_parts_and_leaves_nothing_on_the_disk(
    bucket: Bucket, spools: Spools, tmp_path: Path
) -> None:
    results = opened(bucket)
    chunks = [*(chunk_of(len(FULL), number) for number in range(5)), b"more"]
    result = await kept(results, spools, label(), chunks, [b"small"])
    assert [await reply_of(results, result, number) for number in range(2)] == [b"".join(chunks), b"small"]
    assert files(tmp_path) == []
    assert spools.used_bytes == 0


async def test_results_lie_below_the_address(bucket: Bucket, spools: Spools, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(opened(bucket), spools, label())
    with closing(Bucket(f"s3://{BUCKET}", spools)) as above:
        assert await names(above) == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("AWS_SECRET_ACCESS_KEY", "another-secret-key", "SignatureDoesNotMatch"),
        ("AWS_ACCESS_KEY_ID", "another-access-key", "InvalidAccessKeyId"),
        ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}", "no answer"),
    ],
    ids=["another secret", "another key", "nobody there"],
)
async def test_a_bucket_that_fails_says_why_and_no_more(
    bucket: Bucket, spools: Spools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(name, value)
    with closing(Bucket(f"s3://{BUCKET}", spools)) as failing:
        results = opened(failing)
        assert await keep(results, spools, label(), [FULL]) is NotKept.FAILED
        with pytest.raises(OSError, match=reason) as failed:
            await results.find("acme", "call-1", NOW)
    assert failed.value.__suppress_context__, "what the bucket said is not shown with it"
    assert not any(word in str(failed.value) for word in (SECRET_KEY, value, "access-key"))
    assert (files(tmp_path), results.used_bytes, spools.used_bytes) == ([], 0, 0)


async def test_a_bucket_that_is_not_there_is_not_taken_for_an_empty_one(bucket: Bucket, spools: Spools) -> None:
    with closing(Bucket("s3://no-such-bucket", spools)) as absent:
        with pytest.raises(OSError, match="NoSuchBucket"):
            await opened(absent).find("acme", "call-1", NOW)
        with pytest.raises(OSError, match="NoSuchBucket"):
            await opened(absent).sweep(NOW)
