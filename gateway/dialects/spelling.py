"""Names of fields in one spelling, camel case. Google reads both, and every SDK has its own."""

import re
from typing import Any

from gateway.core.errors import BadRequest

# Fields whose insides are the caller's own names.
_OPAQUE = frozenset(
    {"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "partMetadata"}
)

_SNAKE = re.compile(r"_([a-z0-9])")


def spelled(text: bytes) -> bool:
    """Whether all names of a JSON text are in camel case, as far as that is seen at a glance."""
    return b"_" not in text and b"\\" not in text


def camel(name: str) -> str:
    if "_" not in name:
        return name
    return _SNAKE.sub(lambda match: match[1].upper(), name)


def camel_keys(value: Any) -> Any:
    if isinstance(value, list):
        changed = [camel_keys(each) for each in value]
        return value if all(new is old for new, old in zip(changed, value, strict=True)) else changed
    if not isinstance(value, dict):
        return value
    renamed: dict[str, Any] = {}
    same = True
    for name, inside in value.items():
        right = camel(name)
        if right in renamed:
            raise BadRequest(f"{right!r} is given twice, in two spellings.", param=right)
        renamed[right] = inside if right in _OPAQUE else camel_keys(inside)
        same = same and right == name and renamed[right] is inside
    return value if same else renamed
