"""What may be fetched from: addresses that everybody can reach, and nothing that only the gateway can."""

from ipaddress import ip_network

import pytest

from gateway.core.reach import OutOfReach, Target, check, target_of

TARGETS = [
    ("https://example.org/a.png", Target("https", "example.org", 443, "/a.png"), "example.org"),
    ("HTTP://Example.org:8080?x=1#y", Target("http", "example.org", 8080, "/?x=1"), "example.org:8080"),
    ("https://example.org:443/", Target("https", "example.org", 443, "/"), "example.org"),
    ("https://example.org./%20", Target("https", "example.org", 443, "/%20"), "example.org"),
    ("http://[2001:db8::1]:80/x", Target("http", "2001:db8::1", 80, "/x"), "[2001:db8::1]"),
]


@pytest.mark.parametrize(("url", "target", "authority"), TARGETS)
def test_a_url_is_taken_apart(url: str, target: Target, authority: str) -> None:
    assert target_of(url) == target
    assert target.authority == authority


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/a.png", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "http or https"),
        ("https:///a.png", "http or https"),
        ("//example.org/a.png", "http or https"),
        ("https://user:secret@example.org/", "user or a password"),
        ("https://example.org@127.0.0.1/", "user or a password"),
        ("https://example.org\\@127.0.0.1/", "percent-encoded"),
        ("https://example.org/a b", "percent-encoded"),
        ("https://example.org/\r\nHost: x", "percent-encoded"),
        ("https://ｅxample.org/", "percent-encoded"),
        ("http://[fe80::1%25eth0]/", "not"),
        ("http://127.0.0.1%00.example.org/", "not"),
        ("http://example.org:99999/", "not an address"),
        ("http://example.org:x/", "not an address"),
        ("http://[::1/", "not an address"),
        ("https://example.org/" + "a" * 2048, "longer"),
    ],
)
def test_a_url_that_is_not_plainly_one_is_refused(url: str, why: str) -> None:
    with pytest.raises(OutOfReach, match=why):
        target_of(url)


WEB = Target("https", "example.org", 443, "/a.png")
ODD = Target("https", "example.org", 8443, "/a.png")
OURS = [ip_network("10.20.0.0/16"), ip_network("fd00:20::/32")]


@pytest.mark.parametrize("found", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_what_the_internet_reaches_may_be_fetched_from(found: str) -> None:
    assert len(check(WEB, [found], [])) == 1


PRIVATE = [
    "0.0.0.0",
    "10.20.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    "fe80::1",
    "fc00::1",
    "fd00:20::1",
    "ff02::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("found", PRIVATE)
def test_what_only_the_gateway_reaches_may_not(found: str) -> None:
    with pytest.raises(OutOfReach, match="public internet"):
        check(WEB, [found], [])
    with pytest.raises(OutOfReach, match="public internet"):
        check(WEB, ["93.184.215.14", found], [])


def test_a_network_of_the_operators_may_on_any_port() -> None:
    for found in ("10.20.0.1", "::ffff:10.20.0.1", "fd00:20::1"):
        assert check(ODD, [found], OURS)
    with pytest.raises(OutOfReach, match="public internet"):
        check(WEB, ["10.21.0.1"], OURS)


def test_the_public_internet_may_on_the_usual_port_alone() -> None:
    with pytest.raises(OutOfReach, match="port 443"):
        check(ODD, ["93.184.215.14"], OURS)


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(OutOfReach, match="no address"):
        check(WEB, [], OURS)
