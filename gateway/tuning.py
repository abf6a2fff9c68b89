"""How the process is set up for its work: what Python and the C library do by themselves suits shorter lives.

Each of it can be left out (`tuning: false`); what it brings is measured by `python -m tests.bench.wire --untuned`.
"""

import ctypes
import gc
import resource
from contextlib import suppress

MIB = 1 << 20

# Objects that live as long as the process are not looked through again and again, and those of a call are gone before
# anybody looks: of young ones so many are made before they are looked through, which else is at every tenth call.
_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50

# Of glibc: pieces of an answer come out of memory that the process has already, instead of being mapped and unmapped
# one by one; what is free above so much goes back to the system. Threads have no stores of their own, which would be
# left full of the pieces that they read from the disk: Python has one of them at work at a time.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_KEPT_BYTES = 32 * MIB
_AT_ONCE_BYTES = 4 * MIB
_MAPPED_BYTES = 32 * MIB


def tune_memory() -> None:
    """To be done first; does nothing where the C library is another."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TOP_PAD, _AT_ONCE_BYTES)
        mallopt(_M_ARENA_MAX, 1)


def tune_collector() -> None:
    """To be done when everything is there that lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


# A call has its caller's connection and its seller's, and its answer may be on the disk; the rest a gateway has anyway.
_FILES_OF_A_CALL, _FILES_BESIDE = 3, 100

# Who has files for fewer calls than that is told so.
_FEW_CALLS = 1000


def open_files() -> int:
    """How many files this process may have open, which is raised as far as that goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # some systems allow less than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return _FEW_CALLS * 1000 if soft == resource.RLIM_INFINITY else soft


def too_few(files: int) -> str | None:
    """What to tell whoever runs a process with so many files; None: they will do."""
    calls = max(0, files - _FILES_BESIDE) // _FILES_OF_A_CALL
    if calls >= _FEW_CALLS:
        return None
    return (
        f"{files} files may be open, which is enough for about {calls} calls at a time; "
        "allow more (ulimit -n, LimitNOFILE of systemd, --ulimit nofile of Docker)"
    )
