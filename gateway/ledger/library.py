"""The function library, under a name of its own for every version of it.

So gateways of two releases work on one store side by side: each calls the functions that it was written for.
What the functions keep in the store both can read.
"""

import hashlib
from pathlib import Path

# In an order in which each finds there what it uses.
_FILES = (
    *("gateway", "accounts", "limits", "claims", "calls", "operator", "sums"),
    *("trail", "adjust", "unsettled", "allowances", "records", "archive", "pool", "drills"),
)

_SOURCE = "\n".join(Path(__file__).with_name(f"{name}.lua").read_text(encoding="utf-8") for name in _FILES)

# The first digits of what the source adds up to.
_VERSION = hashlib.sha256(_SOURCE.encode()).hexdigest()[:8]

NAME = f"gateway_{_VERSION}"
CODE = _SOURCE.replace("VERSION", _VERSION)


def full_name(function: str) -> str:
    """Under which a function of this version is known to the server."""
    return f"gw_{_VERSION}_{function}"
