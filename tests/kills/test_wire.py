"""What passes is cut where the messages end, however it arrives."""

import pytest

from tests.kills.wire import Request, frames, is_of, jobs, pictures, requests

SETTLE = b"*4\r\n$5\r\nFCALL\r\n$18\r\ngw_0_1_0abc_settle\r\n$1\r\n1\r\n$3\r\nkey\r\n"

MESSAGES = [
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":7\r\n",
    b"$5\r\nab\r\nc\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"*0\r\n",
    b"*3\r\n:1\r\n*1\r\n$2\r\n**\r\n+x\r\n",
    b"%1\r\n+a\r\n*1\r\n:2\r\n",
    SETTLE,
]


@pytest.mark.parametrize("cut", range(len(b"".join(MESSAGES))))
def test_messages_of_redis_are_found_whole(cut: int) -> None:
    data = b"".join(MESSAGES)
    first, rest = frames(data[:cut])
    second, none = frames(rest + data[cut:])
    assert (first + second, none) == (MESSAGES, b"")


def test_a_command_is_known_by_the_function_that_it_calls() -> None:
    assert is_of(SETTLE, "settle")
    assert not is_of(SETTLE, "void")
    assert not is_of(b"*2\r\n$3\r\nGET\r\n$11\r\ngw_x_settle\r\n", "settle")


def test_a_picture_is_known_by_its_id_and_those_of_its_attempts() -> None:
    one, two = f"call_{'a' * 32}", f"call_{'b' * 32}.2"
    assert pictures(f"{{t:acme}}:call:{one} {two}-1 {two}-2".encode()) == {one, two}


def test_the_call_of_several_pictures_is_not_one_more() -> None:
    call = f"call_{'b' * 32}"
    assert pictures(f"{call} {call}.1 {call}.2".encode()) == {f"{call}.1", f"{call}.2"}


def test_a_job_is_known_by_its_id_and_not_by_that_of_its_call() -> None:
    job = f"job_{'a' * 32}"
    assert jobs(f"{{jobs}}:job:{job} call_id call_{'b' * 32}".encode()) == {job}


def test_requests_are_found_whole() -> None:
    asks = f"POST /v1beta HTTP/1.1\r\nx-request-id: call_{'a' * 32}-1\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    other = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    whole = [Request(asks, frozenset({f"call_{'a' * 32}"})), Request(other, frozenset())]
    for cut in range(len(asks + other)):
        first, rest = requests((asks + other)[:cut])
        second, none = requests(rest + (asks + other)[cut:])
        assert (first + second, none) == (whole, b"")
