"""Addresses that are listened on, the server behind them, and the signals that end it."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from gateway.config.settings import Listen, ListenTcp, ListenUnix
from gateway.relay.supervisor import DRAIN_S

# Connections that may wait to be accepted: a burst must not meet a refusal.
_BACKLOG = 8192


async def serve_on(app: Any, listening: socket.socket, stop: asyncio.Event) -> None:
    """Serves until `stop` is set, then lets the answers that have begun finish."""
    config = uvicorn.Config(
        app,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(DRAIN_S),
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listening]), name="server")
        await stop.wait()
        server.should_exit = True


class _Server(uvicorn.Server):
    """Leaves signals to whoever started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def on_signals() -> Iterator[asyncio.Event]:
    """Is set by SIGTERM, Ctrl-C or a closed terminal, so that everything closes in order instead of being cut off.

    A second one does not wait for that: it cancels the task that entered the block.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None

    def signalled() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for each in _STOP:
        loop.add_signal_handler(each, signalled)
    try:
        yield stop
    finally:
        for each in _STOP:
            loop.remove_signal_handler(each)


def listen_on(listen: Listen) -> socket.socket:
    """A listening socket; raises `OSError` with a line that says what to do."""
    try:
        return _unix_socket(listen.path) if isinstance(listen, ListenUnix) else _tcp_socket(listen)
    except OSError as error:
        raise OSError(f"cannot listen on {listen}: {error.strerror or error}; is another gateway running?") from error


def _unix_socket(path: str) -> socket.socket:
    Path(path).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(_BACKLOG)
    return listening


def _tcp_socket(listen: ListenTcp) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    return socket.create_server((listen.host, listen.port), family=family, backlog=_BACKLOG)


def address_of(listening: socket.socket) -> str:
    """The base address of a listening socket, as a caller would write it."""
    name = listening.getsockname()
    if isinstance(name, str):
        return f"unix:{name}"
    host = f"[{name[0]}]" if ":" in name[0] else name[0]
    return f"http://{host}:{name[1]}"
