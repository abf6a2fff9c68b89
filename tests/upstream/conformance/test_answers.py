"""How an answer's body ends, what is no answer at all, and after which the connection takes another request."""

import httpx2
import pytest

from tests.upstream.conformance.exchange import EMPTY, Asked, Came, Case, Road, once
from tests.upstream.server import Server, answer, says, says_and_hangs_up

HEAD = Asked("HEAD", b"")
GET = Asked("GET", b"")
NO_ANSWER = Came(broke=httpx2.RemoteProtocolError)
GOOD = Came(200, b"good")
BROKE = httpx2.RemoteProtocolError

LEFTOVERS = "h11 keeps what came too much, and httpcore2 takes it for the beginning of the next answer"


def ok(*lines: str, body: bytes = b"", status: str = "HTTP/1.1 200 OK") -> bytes:
    return "\r\n".join((status, *lines, "", "")).encode() + body


def chunked(body: bytes, *lines: str) -> bytes:
    return ok("transfer-encoding: chunked", *lines, body=body)


CASES: dict[str, Case] = {
    "a length": Case(says(ok("content-length: 4", body=b"good")), GOOD, kept=True),
    "a length of nothing": Case(says(ok("content-length: 0")), EMPTY, kept=True),
    "names in capitals": Case(says(ok("CONTENT-LENGTH: 4", body=b"good")), GOOD, kept=True),
    "no reason beside the status": Case(
        says(ok("content-length: 4", body=b"good", status="HTTP/1.1 200 ")), GOOD, kept=True
    ),
    "not a word beside the status": Case(
        says(ok("content-length: 4", body=b"good", status="HTTP/1.1 200")), GOOD, kept=True
    ),
    "a status nobody knows": Case(
        says(ok("content-length: 4", body=b"good", status="HTTP/1.1 599 What")), Came(599, b"good"), kept=True
    ),
    "chunks": Case(says(chunked(b"2\r\ngo\r\n2\r\nod\r\n0\r\n\r\n")), GOOD, kept=True),
    "chunks with extensions": Case(says(chunked(b'2;a=b\r\ngo\r\n2;c="d"\r\nod\r\n0\r\n\r\n')), GOOD, kept=True),
    "chunks of a size in capitals and with zeros": Case(
        says(chunked(b"00A\r\n" + b"x" * 10 + b"\r\n0\r\n\r\n")), Came(200, b"x" * 10), kept=True
    ),
    "no chunk but the last": Case(says(chunked(b"0\r\n\r\n")), EMPTY, kept=True),
    "trailers, which are passed over": Case(says(chunked(b"4\r\ngood\r\n0\r\nx-bill: 1\r\n\r\n")), GOOD, kept=True),
    "until the connection closes": Case(says_and_hangs_up(ok(body=b"good")), GOOD, kept=False),
    "nothing until the connection closes": Case(says_and_hangs_up(ok()), EMPTY, kept=False),
    "no content": Case(says(ok(status="HTTP/1.1 204 No Content")), Came(204), kept=True),
    "no content, though it says how much": Case(
        says(ok("content-length: 4", status="HTTP/1.1 204 No Content")), Came(204), kept=True
    ),
    "not modified, with the length of what was not": Case(
        says(ok("content-length: 4", status="HTTP/1.1 304 Not Modified")), Came(304), kept=True
    ),
    "an answer to HEAD": Case(says(ok("content-length: 4")), EMPTY, kept=True, asked=HEAD),
    "an answer to HEAD in chunks that do not come": Case(
        says(ok("transfer-encoding: chunked")), EMPTY, kept=True, asked=HEAD
    ),
    "hints before": Case(
        says(
            ok("link: </a>", status="HTTP/1.1 103 Early Hints"),
            ok(status="HTTP/1.1 100 Continue"),
            ok("content-length: 4", body=b"good"),
        ),
        GOOD,
        kept=True,
    ),
    "an answer that closes": Case(says(ok("content-length: 4", "connection: close", body=b"good")), GOOD, kept=False),
    "an answer that closes, in capitals and among others": Case(
        says(ok("content-length: 4", "connection: x, CLOSE", body=b"good")), GOOD, kept=False
    ),
    "chunks that close": Case(says(chunked(b"4\r\ngood\r\n0\r\n\r\n", "connection: close")), GOOD, kept=False),
    "HTTP/1.0": Case(says(ok("content-length: 4", body=b"good", status="HTTP/1.0 200 OK")), GOOD, kept=False),
    "HTTP/1.0 that stays": Case(
        says(ok("content-length: 4", "connection: keep-alive", body=b"good", status="HTTP/1.0 200 OK")),
        GOOD,
        kept=True,
        theirs_kept=False,
        why="h11 never keeps a connection of HTTP/1.0",
    ),
    "more than its length": Case(
        says(ok("content-length: 4", body=b"good, and more")),
        GOOD,
        kept=False,
        theirs_kept=True,
        theirs_next=NO_ANSWER,
        why=LEFTOVERS,
    ),
    "a second answer": Case(
        says(answer(b"good") + answer(b"another's")),
        GOOD,
        kept=False,
        theirs_kept=True,
        theirs_next=Came(200, b"another's"),
        why=LEFTOVERS,
    ),
    "a body where none may be": Case(
        says(ok("content-length: 4", body=b"good", status="HTTP/1.1 204 No Content")),
        Came(204),
        kept=False,
        theirs_kept=True,
        theirs_next=NO_ANSWER,
        why=LEFTOVERS,
    ),
    "a body to HEAD": Case(
        says(ok("content-length: 4", body=b"good")),
        EMPTY,
        kept=False,
        asked=HEAD,
        theirs_kept=True,
        theirs_next=NO_ANSWER,
        why=LEFTOVERS,
    ),
    "a length and chunks": Case(
        says(ok("content-length: 4", "transfer-encoding: chunked", body=b"4\r\ngood\r\n0\r\n\r\n")),
        NO_ANSWER,
        kept=False,
        theirs=GOOD,
        theirs_kept=True,
        why="h11 takes the chunks and passes over the length; who stands between may do it the other way round",
    ),
    "two lengths": Case(says(ok("content-length: 4", "content-length: 5", body=b"good")), NO_ANSWER, kept=False),
    "the same length twice": Case(
        says(ok("content-length: 4", "content-length: 4", body=b"good")),
        NO_ANSWER,
        kept=False,
        theirs=GOOD,
        theirs_kept=True,
        why="llhttp takes no second length, whatever it says",
    ),
    "a length that is none": Case(says(ok("content-length: four", body=b"good")), NO_ANSWER, kept=False),
    "a length below nothing": Case(says(ok("content-length: -4", body=b"good")), NO_ANSWER, kept=False),
    "a coding that nobody asked for": Case(
        says(ok("transfer-encoding: gzip, chunked", body=b"4\r\ngood\r\n0\r\n\r\n")), NO_ANSWER, kept=False
    ),
    "chunked twice": Case(
        says(ok("transfer-encoding: chunked", "transfer-encoding: chunked", body=b"4\r\ngood\r\n0\r\n\r\n")),
        NO_ANSWER,
        kept=False,
    ),
    "a size of a chunk that is none": Case(says(chunked(b"zz\r\n")), Came(200, b"", BROKE), kept=False),
    "a size of a chunk below nothing": Case(says(chunked(b"-1\r\n")), Came(200, b"", BROKE), kept=False),
    "a size of a chunk without end": Case(says(chunked(b"f" * 30 + b"\r\n")), Came(200, b"", BROKE), kept=False),
    "a chunk longer than its size": Case(says(chunked(b"2\r\ngood\r\n0\r\n\r\n")), Came(200, b"go", BROKE), kept=False),
    "a header without a name": Case(says(ok(": x", "content-length: 4", body=b"good")), NO_ANSWER, kept=False),
    "a header with a space in its name": Case(says(ok("content-length : 4", body=b"good")), NO_ANSWER, kept=False),
    "a header with a NUL in it": Case(says(ok("x: a\0b", "content-length: 4", body=b"good")), NO_ANSWER, kept=False),
    "HTTP/2": Case(
        says(ok("content-length: 4", body=b"good", status="HTTP/2.0 200 OK")),
        NO_ANSWER,
        kept=False,
        theirs=GOOD,
        theirs_kept=True,
        why="h11 takes any version",
    ),
    "no HTTP": Case(says(b"220 mail.example ESMTP\r\n\r\n"), NO_ANSWER, kept=False),
    "TLS on a line that has none": Case(says(b"\x15\x03\x01\x00\x02\x02\x16"), NO_ANSWER, kept=False),
}


@pytest.mark.parametrize("what", CASES)
async def test_what_comes_of_an_answer_and_whether_another_may_follow(what: str, road: Road) -> None:
    case = CASES[what]
    async with Server.running(once(case.script)) as (server, url):
        assert await road.came(url, case.asked) == case.comes(road)
        assert await road.came(url, GET) == case.comes_next(road)
        assert server.connections == (1 if case.keeps(road) else 2)
