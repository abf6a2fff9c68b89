"""Uploads by hand: every command in every odd order, the two short forms, and what is refused with which status."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.house import Gateway, Simulator, open_gateway
from tests.web.conftest import BODY_BYTES
from tests.web.raw import line_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

BYTES = bytes(range(256)) * 8
START = "/upload/v1beta/files"
STATUS = "x-goog-upload-status"


def command(word: str, offset: int | None = None) -> dict[str, str]:
    headers = {"x-goog-upload-command": word}
    return headers if offset is None else {**headers, "x-goog-upload-offset": str(offset)}


def starting(size: int | None = len(BYTES)) -> dict[str, str]:
    headers = {"x-goog-upload-protocol": "resumable", **command("start")}
    return headers if size is None else {**headers, "x-goog-upload-header-content-length": str(size)}


async def begun(gateway: Gateway, size: int | None = len(BYTES), path: str = START, **file: Any) -> str:
    """The address of a new upload."""
    body = {"file": {"displayName": "mug", "mimeType": "image/png", **file}}
    answer = await gateway.http.post(path, headers=starting(size), json=body)
    assert (answer.status_code, answer.headers[STATUS], answer.content) == (200, "active", b"{}")
    address: str = answer.headers["x-goog-upload-url"]
    return address


async def kept(gateway: Gateway, whole: bytes = BYTES) -> dict[str, Any]:
    address = await begun(gateway, len(whole))
    answer = await gateway.http.post(address, headers=command("upload, finalize", 0), content=whole)
    assert (answer.status_code, answer.headers[STATUS]) == (200, "final")
    file: dict[str, Any] = answer.json()["file"]
    return file


def told(answer: httpx2.Response) -> tuple[int, str, str | None, int | None]:
    received = answer.headers.get("x-goog-upload-size-received")
    code = answer.json().get("error", {}).get("status")
    return answer.status_code, answer.headers[STATUS], code, None if received is None else int(received)


async def test_an_upload_step_by_step(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    """No key with any chunk, a content type that means nothing, and every step asked for twice."""
    address = await begun(shared)
    lying = {"content-type": "application/json"}
    assert address.startswith(f"{shared.url}/upload/v1beta/files?upload_id=")
    assert address.endswith("&upload_protocol=resumable")
    assert len(address.partition("upload_id=")[2].partition("&")[0]) >= 43
    for _ in range(2):
        first = await stranger.post(address, headers=command("upload", 0) | lying, content=BYTES[:1000])
        assert told(first) == (200, "active", None, 1000)
        assert told(await stranger.post(address, headers=command("query"))) == (200, "active", None, 1000)
    for _ in range(2):
        last = await stranger.post(address, headers=command("upload, finalize", 1000) | lying, content=BYTES[1000:])
        assert (last.status_code, last.headers[STATUS]) == (200, "final")
        assert told(await stranger.post(address, headers=command("query"))) == (200, "final", None, len(BYTES))
    got = await shared.http.get(f"/v1beta/{last.json()['file']['name']}")
    assert got.json() == last.json()["file"]


async def test_finalize_may_come_alone_and_put_is_taken(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    address = await begun(shared, None, "/upload/v1/files")
    await stranger.put(address, headers=command("upload", 0), content=BYTES)
    last = await stranger.put(address, headers=command("finalize"))
    assert (last.headers[STATUS], last.json()["file"]["sizeBytes"]) == ("final", str(len(BYTES)))


async def test_a_gap_is_refused_with_the_place_to_go_on_from(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    address = await begun(shared)
    await stranger.post(address, headers=command("upload", 0), content=BYTES[:10])
    answer = await stranger.post(address, headers=command("upload", 11), content=BYTES[11:])
    assert told(answer)[:3] == (400, "final", "INVALID_ARGUMENT")
    assert "Byte 10 is the next one" in answer.json()["error"]["message"]
    answer = await stranger.post(address, headers=command("upload, finalize", 10), content=BYTES[10:])
    assert told(answer)[:2] == (200, "final")


async def test_a_cancelled_upload_stays_cancelled(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    address = await begun(shared)
    for word in ("cancel", "query", "cancel"):
        assert told(await stranger.post(address, headers=command(word)))[:2] == (200, "cancelled")
    for word in ("upload", "upload, finalize", "finalize"):
        assert told(await stranger.post(address, headers=command(word, 0), content=BYTES))[0] == 400


REFUSED = [
    (command("upload", 1), BYTES, 413, "INVALID_ARGUMENT"),  # beyond what was announced
    (command("upload, finalize", 0), BYTES[:-1], 400, "INVALID_ARGUMENT"),
    (command("finalize"), b"", 400, "INVALID_ARGUMENT"),
    (command("start"), b"", 400, "INVALID_ARGUMENT"),
    (command("upload, query", 0), b"", 400, "INVALID_ARGUMENT"),
    ({}, BYTES, 400, "INVALID_ARGUMENT"),
    ({**command("upload"), "x-goog-upload-offset": "-1"}, BYTES, 400, "INVALID_ARGUMENT"),
    ({**command("upload"), "x-goog-upload-offset": "many"}, BYTES, 400, "INVALID_ARGUMENT"),
    ({**command("upload", 0), "content-encoding": "gzip"}, BYTES, 400, "INVALID_ARGUMENT"),
]


@pytest.mark.parametrize(("headers", "body", "status", "code"), REFUSED)
async def test_a_step_that_is_none_is_refused_with_a_status(
    shared: Gateway, stranger: httpx2.AsyncClient, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = await stranger.post(await begun(shared), headers=headers, content=body)
    assert told(answer)[:3] == (status, "final", code)


async def test_a_chunk_without_a_length_that_grows_too_large_is_refused(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    address = await begun(shared)

    async def more() -> Any:
        for _ in range(3):
            yield BYTES

    answer = await stranger.post(address, headers=command("upload", 0), content=more())
    assert told(answer)[:3] == (413, "final", "INVALID_ARGUMENT")


STARTS = [
    ({}, b"", 400),  # no protocol
    (starting(None) | command("upload"), b"", 400),
    (starting() | {"x-goog-upload-protocol": "sideways"}, b"", 400),
    (starting(100 * 1024 * 1024 + 1), b"", 413),
    (starting() | {"x-goog-upload-header-content-length": "x"}, b"", 400),
    (starting(), b'{"file": {"sizeBytes": "1"}}', 400),
    (starting(), b'{"file": {"name": "files/NO"}}', 400),
    (starting(), b'{"file": ', 400),
    (starting(), b"[]", 400),
    (starting(), b" " * (64 * 1024 + 1), 413),
    (starting() | {"x-goog-upload-header-content-type": "png"}, b"", 400),
    ({"x-goog-upload-protocol": "multipart", "content-type": "multipart/related"}, BYTES, 400),
    ({"x-goog-upload-protocol": "multipart", "content-type": "multipart/related; boundary=b"}, BYTES, 400),
    ({"x-goog-upload-protocol": "raw"}, b"", 400),
]


@pytest.mark.parametrize(("headers", "body", "status"), STARTS)
async def test_a_start_that_is_none_is_refused_with_a_status(
    shared: Gateway, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await shared.http.post(START, headers=headers, content=body)
    assert told(answer)[:3] == (status, "final", "INVALID_ARGUMENT")


@pytest.mark.parametrize("key", [None, "sk-gw-" + "x" * 43])
async def test_without_a_key_nothing_is_begun(stranger: httpx2.AsyncClient, key: str | None) -> None:
    headers = starting() | ({} if key is None else {"x-goog-api-key": key})
    answer = await stranger.post(START, headers=headers, json={})
    assert answer.status_code in (400, 403)
    assert answer.headers[STATUS] == "final"
    assert answer.json()["error"]["code"] == answer.status_code
    for method, path in (("GET", "/v1beta/files"), ("GET", "/v1beta/files/x"), ("DELETE", "/v1beta/files/x")):
        refused = await stranger.request(method, path, headers={} if key is None else {"x-goog-api-key": key})
        assert refused.status_code == answer.status_code


async def test_an_empty_start_is_enough_with_the_headers_curl_sends(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    headers = starting() | {"x-goog-upload-header-content-type": "image/webp"}
    begin = await shared.http.post(START, headers=headers)
    assert begin.headers["x-goog-upload-chunk-granularity"] == "8388608"
    address = begin.headers["x-goog-upload-url"]
    last = await stranger.post(address, headers=command("upload, finalize", 0), content=BYTES)
    assert last.json()["file"]["mimeType"] == "image/webp"
    assert "displayName" not in last.json()["file"]


@pytest.mark.parametrize(
    "how", [{"headers": {"x-goog-upload-protocol": "multipart"}}, {"params": {"uploadType": "multipart"}}]
)
async def test_a_file_in_one_multipart_request(shared: Gateway, how: dict[str, Any]) -> None:
    body = (
        b"--x\r\nContent-Type: application/json\r\n\r\n"
        b'{"file": {"displayName": "mug", "mimeType": "image/png"}}\r\n'
        b"--x\r\nContent-Type: image/png\r\n\r\n" + BYTES + b"\r\n--x--"
    )
    headers = {"content-type": "multipart/related; boundary=x", **how.get("headers", {})}
    answer = await shared.http.post(START, headers=headers, params=how.get("params"), content=body)
    assert told(answer)[:2] == (200, "final")
    file = answer.json()["file"]
    assert (file["sizeBytes"], file["displayName"], file["mimeType"]) == (str(len(BYTES)), "mug", "image/png")
    cut = await shared.http.post(START, headers=headers, params=how.get("params"), content=body[:-8])
    assert told(cut)[:3] == (400, "final", "INVALID_ARGUMENT")


async def test_a_raw_file_in_one_request(shared: Gateway) -> None:
    headers = {"x-goog-upload-protocol": "raw", "content-type": "image/png"}
    answer = await shared.http.post(START, headers=headers, content=BYTES)
    assert told(answer)[:2] == (200, "final")
    assert (answer.json()["file"]["mimeType"], answer.json()["file"]["sizeBytes"]) == ("image/png", str(len(BYTES)))


async def test_a_file_larger_than_any_request_is_taken(shared: Gateway) -> None:
    assert (await kept(shared, BYTES * 1024))["sizeBytes"] == str(2 * BODY_BYTES)


async def test_a_sender_who_vanishes_goes_on_where_it_stopped(shared: Gateway, stranger: httpx2.AsyncClient) -> None:
    address = await begun(shared, 100_000)
    async with line_to(shared) as line:
        asked = {"x_goog_upload_command": "upload", "x_goog_upload_offset": "0", "content_length": "100000"}
        await line.ask("POST", address.removeprefix(shared.url), **asked)
        await line.say(b"x" * 40_000)
        await line.hang_up()
    here = told(await stranger.post(address, headers=command("upload", 0), content=b"x" * 40_000))[3]
    assert here is not None
    assert here >= 40_000
    rest = await stranger.post(address, headers=command("upload, finalize", here), content=b"x" * (100_000 - here))
    assert told(rest)[:2] == (200, "final")


async def test_the_upload_address_is_on_the_public_origin(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path, public_url="https://images.example.org") as gateway:
        address = await begun(gateway)
        assert address.startswith("https://images.example.org/upload/v1beta/files?upload_id=")
        here = gateway.url + address.removeprefix("https://images.example.org")
        sent = await gateway.http.post(here, headers=command("upload, finalize", 0), content=BYTES)
        assert told(sent)[:2] == (200, "final")


async def test_even_a_gateway_that_is_closing_tells_an_upload_its_status(simulator: Simulator, tmp_path: Path) -> None:
    async with open_gateway(simulator, tmp_path) as gateway:
        address = await begun(gateway)
        gateway.running.supervisor.drain()
        answer = await gateway.http.post(address, headers=command("query"))
        assert told(answer)[:3] == (503, "final", "UNAVAILABLE")
