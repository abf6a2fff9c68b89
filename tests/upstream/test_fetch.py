"""Pictures fetched from the web: a real server on loopback, which is a private network that must be allowed."""

import ssl
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from gateway.core.errors import BadRequest
from gateway.upstream.fetch import Fetcher, Terms
from tests.upstream.server import Server, answer, head, says, says_and_falls_silent, says_and_hangs_up

LOOPBACK = (ip_network("127.0.0.0/8"),)
HERE = Terms(allowed=True, networks=LOOPBACK)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def refusal(url: str, terms: Terms = HERE) -> str:
    with pytest.raises(BadRequest) as caught:
        await Fetcher(terms).fetch([url])
    assert (caught.value.code, caught.value.param) == ("invalid_image_url", "image_url")
    assert url[:200] in caught.value.message
    return caught.value.message


async def test_a_picture_is_fetched_and_told_nothing_about_us() -> None:
    async with Server.running(says(answer(PICTURE))) as (server, url):
        assert await Fetcher(HERE).fetch([f"{url}/a.png?size=large"]) == {f"{url}/a.png?size=large": PICTURE}
    (received,) = server.received
    assert received.target == "/a.png?size=large"
    assert received.headers["host"] == url.removeprefix("http://")
    assert {"authorization", "cookie", "referer", "x-goog-api-key"}.isdisjoint(received.headers)


async def test_several_are_fetched_side_by_side() -> None:
    async with Server.running(says(answer(PICTURE))) as (_, url):
        urls = [f"{url}/{number}" for number in range(12)]
        assert await Fetcher(HERE).fetch(urls) == dict.fromkeys(urls, PICTURE)


async def test_one_that_fails_is_told_and_the_others_are_dropped() -> None:
    async with Server.running(says(answer(PICTURE))) as (_, url):
        with pytest.raises(BadRequest, match="public internet"):
            await Fetcher(HERE).fetch([f"{url}/a", "http://10.0.0.1/b"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"])
async def test_loopback_is_out_of_reach_however_it_is_spelled(host: str) -> None:
    async with Server.running(says(answer(PICTURE))) as (server, url):
        port = url.rpartition(":")[2]
        assert "not on the public internet" in await refusal(f"http://{host}:{port}/", Terms(allowed=True))
        assert "not on the public internet" in await refusal(f"http://{host}/", Terms(allowed=True))
    assert server.connections == 0


async def test_where_nothing_is_fetched_nothing_is() -> None:
    async with Server.running(says(answer(PICTURE))) as (server, url):
        assert await Fetcher(Terms()).fetch([url]) == {}
    assert server.connections == 0


async def test_a_redirect_is_not_followed() -> None:
    moved = head(302, location="http://127.0.0.1/b.png", content_length=0)
    async with Server.running(says(moved)) as (server, url):
        assert "is redirected" in await refusal(url)
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [204, 403, 404, 500])
async def test_another_status_is_told(status: int) -> None:
    async with Server.running(says(head(status, content_length=0))) as (_, url):
        assert f"status {status}" in await refusal(url)


async def test_what_is_too_large_is_left_as_soon_as_it_shows() -> None:
    small = Terms(allowed=True, networks=LOOPBACK, most_bytes=50)
    endless = head() + bytes(1_000_000)
    async with Server.running(says_and_falls_silent(endless)) as (_, url):
        assert "larger than 50 bytes" in await refusal(url, small)


async def test_what_does_not_come_in_time_is_left() -> None:
    hasty = Terms(allowed=True, networks=LOOPBACK, most_s=0.3)
    async with Server.running(says_and_falls_silent(head(content_length=100) + b"\x89PNG")) as (_, url):
        assert "did not come within 0.3 s" in await refusal(url, hasty)


async def test_what_breaks_off_is_no_picture() -> None:
    async with Server.running(says_and_hangs_up(head(content_length=100) + b"\x89PNG")) as (_, url):
        assert "could not be fetched" in await refusal(url)


async def test_a_host_that_is_none_is_told() -> None:
    assert "nothing is known" in await refusal("http://nothing.invalid/a.png")
    assert "could not be fetched" in await refusal("http://127.0.0.1:9/a.png")


async def test_the_certificate_must_be_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to an IP address, and the certificate is still asked for the name."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    async with Server.running(says(answer(PICTURE)), tls) as (server, url):
        named = url.replace("127.0.0.1", "localhost")
        assert await Fetcher(HERE).fetch([named]) == {named: PICTURE}
        assert "could not be fetched" in await refusal(url)
    (received,) = server.received
    assert received.headers["host"].startswith("localhost:")
