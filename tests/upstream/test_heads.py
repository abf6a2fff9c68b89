"""Heads as they go out, and what a head says of its body."""

import httpx2
import pytest

from gateway.upstream.heads import CHUNKED, UNTIL_CLOSE, Headers, RequestHead, body_end, request_head

HOST = (b"Host", b"a.example")


def test_a_head_is_written_as_it_is_said() -> None:
    headers = [HOST, (b"X-Odd", b"caf\xe9 \t!"), (b"Content-Length", b"12")]
    assert request_head("POST", b"/a?b=c", headers) == RequestHead(
        b"POST /a?b=c HTTP/1.1\r\nHost: a.example\r\nX-Odd: caf\xe9 \t!\r\nContent-Length: 12\r\n\r\n", 12
    )


@pytest.mark.parametrize(
    ("headers", "length"),
    [([HOST], 0), ([HOST, (b"content-length", b"7")], 7), ([HOST, (b"Transfer-Encoding", b"chunked")], None)],
)
def test_a_head_announces_how_long_its_body_is(headers: Headers, length: int | None) -> None:
    assert request_head("POST", b"/", headers).length == length


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("POST", b"/", (b"x", b"a\r\nx-admin: 1")),
        ("POST", b"/", (b"x", b"a\nb")),
        ("POST", b"/", (b"x", b"a\0b")),
        ("POST", b"/", (b"x", b"a\x7f")),
        ("POST", b"/", (b"x: y\r\nz", b"a")),
        ("POST", b"/", (b"x ", b"a")),
        ("POST", b"/", (b"", b"a")),
        ("POST", b"/a b", (b"x", b"a")),
        ("POST", b"", (b"x", b"a")),
        ("POST", b"/ HTTP/1.1\r\nx: y\r\n\r\nGET /", (b"x", b"a")),
        ("PO ST", b"/", (b"x", b"a")),
        ("", b"/", (b"x", b"a")),
        ("POST", b"/", (b"content-length", b"-1")),
        ("POST", b"/", (b"content-length", b"")),
    ],
)
def test_what_would_be_another_head_on_the_wire_is_refused(
    method: str, target: bytes, header: tuple[bytes, bytes]
) -> None:
    with pytest.raises(httpx2.LocalProtocolError):
        request_head(method, target, [HOST, header])


def test_a_head_does_not_announce_two_ends() -> None:
    with pytest.raises(httpx2.LocalProtocolError):
        request_head("POST", b"/", [HOST, FOUR, CHUNKS])


FOUR, CHUNKS = (b"Content-Length", b"4"), (b"Transfer-Encoding", b"Chunked")


@pytest.mark.parametrize(
    ("method", "status", "headers", "end"),
    [
        ("POST", 200, [FOUR], 4),
        ("POST", 200, [CHUNKS], CHUNKED),
        ("POST", 200, [], UNTIL_CLOSE),
        ("POST", 503, [], UNTIL_CLOSE),
        ("POST", 204, [FOUR], 0),
        ("POST", 304, [CHUNKS], 0),
        ("HEAD", 200, [FOUR], 0),
        ("HEAD", 200, [], 0),
    ],
)
def test_a_body_ends_where_its_head_says(method: str, status: int, headers: Headers, end: int) -> None:
    assert body_end(method, status, headers) == end


@pytest.mark.parametrize("codings", [[b"gzip"], [b"gzip, chunked"], [b"chunked", b"chunked"], [b""]])
def test_no_coding_but_chunked_is_known(codings: list[bytes]) -> None:
    with pytest.raises(httpx2.RemoteProtocolError, match="only chunked"):
        body_end("POST", 200, [(b"transfer-encoding", each) for each in codings])
