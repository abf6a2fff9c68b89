"""How a command ends: the house's own errors as lines for people, and a code.

0: all went well; 2: the configuration or the command line is wrong; 1: anything else.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.config.settings import ConfigError
from gateway.core.errors import CallerError, GatewayError
from gateway.ledger.errors import StoreError


@contextmanager
def told() -> Iterator[None]:
    """An error that ends the block is told in a line, and raises `SystemExit` with its code."""
    try:
        yield
    except ConfigError as error:
        _end(2, *error.problems)
    except (StoreError, CallerError) as error:
        _end(2, str(error))
    except GatewayError as error:
        _end(1, str(error))
    except asyncio.CancelledError:
        _end(1, "ended before everything in flight was finished")
    except OSError as error:
        _end(1, str(error))


def _end(code: int, *lines: str) -> None:
    for line in lines:
        print(f"gateway: {line}", file=sys.stderr)  # noqa: T201  a command's own words
    sys.exit(code)
