"""Receivers of webhooks: a real server on loopback, which is a private network that must be allowed."""

import ssl
import time
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme

from gateway.core.webhooks import Delivery, Receivers
from gateway.upstream.telling import PATIENCE_S, Teller
from tests.upstream.server import Server, answer, head, resets, says, says_and_falls_silent

HERE = Receivers(("*",), (ip_network("127.0.0.0/8"),))


async def told(url: str, receivers: Receivers = HERE, patience_s: float = PATIENCE_S) -> Delivery:
    teller = Teller(receivers, time.time, time.monotonic, patience_s)
    return await teller.tell(url, b'{"type":"job.failed"}', {"webhook-id": "job_1"})


async def test_a_message_comes_as_it_is_and_says_nothing_about_us() -> None:
    async with Server.running(says(answer(b"thanks"))) as (server, url):
        delivery = await told(f"{url}/hook?x=1")
    assert (delivery.taken, delivery.why) == (True, None)
    (received,) = server.received
    assert (received.target, received.body) == ("/hook?x=1", b'{"type":"job.failed"}')
    assert (received.headers["content-type"], received.headers["webhook-id"]) == ("application/json", "job_1")
    assert {"authorization", "cookie", "x-goog-api-key"}.isdisjoint(received.headers)


@pytest.mark.parametrize("status", [302, 404, 410, 500])
async def test_what_it_answers_is_noted_and_nothing_is_followed(status: int) -> None:
    elsewhere = head(status, location="http://127.0.0.1:9/", content_length=0)
    async with Server.running(says(elsewhere)) as (server, url):
        delivery = await told(url)
    assert (delivery.status, delivery.taken, len(server.received)) == (status, False, 1)


async def test_when_it_wants_to_be_asked_again_is_noted() -> None:
    async with Server.running(says(head(503, retry_after=90, content_length=0))) as (_, url):
        assert (await told(url)).after_s == 90


async def test_its_answer_is_not_read() -> None:
    async with Server.running(says_and_falls_silent(head(200, content_length=10**9) + bytes(100_000))) as (_, url):
        assert (await told(url)).taken


async def test_whoever_says_nothing_has_not_taken_it() -> None:
    async with Server.running(says_and_falls_silent()) as (_, url):
        delivery = await told(url, patience_s=0.3)
    assert (delivery.status, delivery.why) == (None, "did not answer within 0.3 s")
    assert delivery.took_ms >= 250


async def test_whoever_hangs_up_has_not_taken_it() -> None:
    async with Server.running(resets) as (_, url):
        assert "cannot be reached" in str((await told(url)).why)


@pytest.mark.parametrize(
    ("receivers", "why"),
    [
        (Receivers(("127.0.0.1", "localhost")), "the address is not an https address"),
        (Receivers(("hooks.example.org",), HERE.networks), "the address has a host that is not in webhooks.hosts"),
        (Receivers(("*",), (ip_network("10.0.0.0/8"),)), "the address is not on the public internet"),
    ],
    ids=["plain", "host", "network"],
)
async def test_where_it_may_not_go_it_does_not(receivers: Receivers, why: str) -> None:
    async with Server.running(says(answer(b""))) as (server, url):
        for named in (url, url.replace("127.0.0.1", "localhost")):
            assert (await told(named, receivers)).why == why
    assert server.connections == 0


async def test_the_certificate_must_be_that_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    async with Server.running(says(answer(b"")), tls) as (_, url):
        assert (await told(url.replace("127.0.0.1", "localhost"))).taken
        assert "cannot be reached" in str((await told(url)).why)
