"""Addresses at which nothing goes well."""

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of a socket whose queue is full: the kernel drops whatever knocks."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            yield f"http://127.0.0.1:{full.getsockname()[1]}"
