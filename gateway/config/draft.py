"""A document on its way to becoming settings: its values, where each came from, what is wrong with it.

The other steps of loading read and change a Draft; here is only the bookkeeping. No message made
here or from here repeats a text that is not a name or an amount: it may be a secret in the wrong place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.settings import ConfigError

# The way to a value: names of sections and settings, numbers in lists.
Where = tuple[str | int, ...]

GIVEN = "given"


def dotted(where: Where) -> str:
    """The way to a value as people write it: groups[0].lanes[1].key."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.removeprefix(".")


@dataclass(slots=True)
class Draft:
    """`places` says where a value stands; `origins` what gave it its text, where that is not the same."""

    values: dict[str, Any]
    base_dir: Path
    places: dict[Where, str]
    origins: dict[Where, str] = field(default_factory=dict)
    problems: list[tuple[Where, str]] = field(default_factory=list)
    lacking: set[Where] = field(default_factory=set)

    def wrong(self, where: Where, what: str) -> None:
        self.problems.append((where, what))

    def lacks(self, where: Where, what: str) -> None:
        """As `wrong`, for a value that could not be had: what else is wrong with it does not matter."""
        self.wrong(where, what)
        self.lacking.add(where)

    def origin(self, where: Where) -> str | None:
        return self.origins.get(where) or self.places.get(where)

    def settle(self) -> None:
        """Raises `ConfigError` if anything was found wrong."""
        if self.problems:
            raise ConfigError(self._line(where, what) for where, what in self.problems)

    def _line(self, where: Where, what: str) -> str:
        ways = (where[:length] for length in range(len(where), -1, -1))
        place = next((self.places[way] for way in ways if way in self.places), GIVEN)
        return ": ".join(part for part in (place if place != GIVEN else "", dotted(where), what) if part)


def draft(document: Mapping[Any, Any], base_dir: Path, file: str | None) -> Draft:
    """A plain copy of a document that may be changed; line numbers are kept if its reader noted them."""
    places: dict[Where, str] = {(): file or GIVEN}
    return Draft(_mapping(document, (), places, file), base_dir, places)


def leaves(value: object, where: Where = ()) -> Iterator[tuple[Where, object]]:
    """Every value that is neither a section nor a list, with the way to it."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, (*where, name))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from leaves(child, (*where, number))
    else:
        yield where, value


def _mapping(node: Mapping[Any, Any], where: Where, places: dict[Where, str], file: str | None) -> dict[str, Any]:
    """Names become text: YAML reads an unquoted 512 as a number."""
    copy = {}
    for name, child in node.items():
        way = (*where, str(name))
        places[way] = _place(node, name, file)
        copy[str(name)] = _plain(child, way, places, file)
    return copy


def _plain(node: object, where: Where, places: dict[Where, str], file: str | None) -> object:
    if isinstance(node, Mapping):
        return _mapping(node, where, places, file)
    if isinstance(node, Sequence) and not isinstance(node, str | bytes):
        copy = []
        for number, child in enumerate(node):
            way = (*where, number)
            places[way] = _place(node, number, file)
            copy.append(_plain(child, way, places, file))
        return copy
    for kind in (str, float):  # the reader's own kinds remember how they were written
        if isinstance(node, kind):
            return kind(node)
    return node


def _place(node: object, name: object, file: str | None) -> str:
    """The reader keeps, for each entry of a mapping or list, the line it begins on, counted from 0."""
    marks = getattr(getattr(node, "lc", None), "data", None) or {}
    if file is None:
        return GIVEN
    return f"{file}:{marks[name][0] + 1}" if name in marks else file
