import pytest

from gateway.core.sse import EventReader, event

STREAM = (
    b': hello\r\n\r\ndata: {"a":1}\r\n\r\n\r\n\r\nevent: x\ndata:{"b":2}\ndata: 3\n\ndata: {"c":"\xe2\x80\xa8"}\n\n'
)
EVENTS = [b'{"a":1}', b'{"b":2}\n3', b'{"c":"\xe2\x80\xa8"}']


def read(*chunks: bytes) -> list[bytes]:
    reader = EventReader()
    return [data for chunk in chunks for data in reader.feed(chunk)] + list(reader.finish())


@pytest.mark.parametrize("at", range(len(STREAM)))
def test_events_are_the_same_wherever_the_stream_is_split(at: int) -> None:
    assert read(STREAM[:at], STREAM[at:]) == EVENTS


def test_events_are_the_same_byte_by_byte() -> None:
    assert read(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == EVENTS


def test_the_last_event_needs_no_blank_line() -> None:
    assert read(b"data: 1\n\ndata: 2") == [b"1", b"2"]


def test_an_event_is_read_back_as_it_was_written() -> None:
    assert read(event(b'{"x":1}', name="done")) == [b'{"x":1}']
