"""What administrators note of a key or a team for themselves: a few names and values, such as a cost centre.

The gateway keeps and tells them, and does nothing by them. Decides how many there may be and how they may look.
"""

import re
from collections.abc import Iterable, Mapping

from gateway.core.errors import BadRequest

# In the order of their names. A tuple, since keys and teams do not change.
Metadata = tuple[tuple[str, str], ...]

MOST = 16
LONGEST_VALUE = 512

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


def changed(old: Metadata, said: Mapping[str, str | None] | None) -> Metadata:
    """The old ones with what is said of some: a value, or None or "" that removes one. All are gone where said is None.

    Raises `BadRequest` about the field `metadata`.
    """
    if said is None:
        return ()
    for name, value in said.items():
        _check(name, value or "")
    kept = {name: value for name, value in {**dict(old), **said}.items() if value}
    if len(kept) > MOST:
        raise BadRequest(f"at most {MOST} are kept, and these would be {len(kept)}; remove some", param="metadata")
    return tuple(sorted(kept.items()))


def read(words: Iterable[str]) -> dict[str, str | None] | None:
    """What is said as NAME=VALUE, where NAME= removes one; the word "none" removes all. Raises `BadRequest`."""
    said: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if word == "none":
            return None
        if not equals:
            raise BadRequest(f"{word!r} is not NAME=VALUE; NAME= removes one, and none removes all", param="metadata")
        said[name] = value
    return said


def _check(name: str, value: str) -> None:
    if _NAME.fullmatch(name) is None:
        rule = "a name is 1 to 64 letters, digits, '.', '_' or '-'"
        raise BadRequest(f"{name[:80]!r} cannot be one: {rule}", param="metadata")
    if len(value) > LONGEST_VALUE:
        raise BadRequest(f"{name} has {len(value)} characters; {LONGEST_VALUE} are the most", param="metadata")
    if not value.isprintable():
        raise BadRequest(f"{name} has a line break or another character that cannot be shown", param="metadata")
