"""The records of a seller's log, whatever file it is: CSV with a header, JSON lines, or JSON as an API gives it.

Lines come in and records go out, one after the other: only an answer of an API that is not written as an array or
by the line is taken as a whole. Pure.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Any

from gateway.core.sellerlog import BadEntry

Record = Mapping[str, Any]

_DELIMITERS = ",;\t|"

# Where the API of one-api and new-api has its entries.
_INSIDE = ("data", "items", "logs", "rows")

# No entry is as long, in characters: what cannot be read by then is broken, and not only unfinished.
_LONGEST = 1_000_000

# Numbers too long and lists too deep to be read are no entries either.
_NOT_JSON = (ValueError, RecursionError)


def records(lines: Iterable[str]) -> Iterator[tuple[str, Record]]:
    """Each record with the place it is at, for whoever has to look for it. Raises `BadEntry`."""
    rest = iter(lines)
    first, before = _first(rest)
    if not first:
        raise BadEntry("it is empty")
    if first.startswith("PK"):
        raise BadEntry("it is a workbook; save it as CSV, in UTF-8")
    lines = chain([first], rest)
    match first[0]:
        case "[":
            return _of_array(lines, before)
        case "{":
            return _of_objects(first, rest, before)
        case _:
            return _of_csv(lines, before)


def _first(lines: Iterator[str]) -> tuple[str, int]:
    """The first line that has something in it, and how many came before it."""
    for before, line in enumerate(lines):
        text = line.removeprefix("\ufeff").lstrip()
        if text:
            return text, before
    return "", 0


def _of_csv(lines: Iterable[str], before: int) -> Iterator[tuple[str, Record]]:
    rest = iter(lines)
    header = next(rest)
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(chain([header], rest), delimiter=delimiter, strict=True)
    names: list[str] = []
    while True:
        place = f"line {reader.line_num + before + 1}"  # where it begins: a quote that is missing is missed far below
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise BadEntry(f"{place}: {error}; is a quote missing, or one too many?") from None
        if row is None:
            return
        if not names:
            names = [name.strip() for name in row]
        elif len(row) == len(names):
            yield place, dict(zip(names, row, strict=True))
        elif any(row):
            raise BadEntry(f"{place}: {len(row)} fields under {len(names)} names; is a comma or a quote missing?")


def _of_objects(first: str, rest: Iterator[str], before: int) -> Iterator[tuple[str, Record]]:
    """An object in each line, or a single one over many lines."""
    try:
        _loads(first)
    except _NOT_JSON:
        text = first + "".join(rest)
        yield from _inside(before + 1, text)
        return
    for number, line in enumerate(chain([first], rest), before + 1):
        if line.strip():
            yield from _inside(number, line)


def _inside(line: int, text: str) -> Iterator[tuple[str, Record]]:
    """A record that begins on a line, or those that an answer of an API has in it."""
    place = f"line {line}"
    try:
        found = _loads(text.rstrip())
    except _NOT_JSON as error:
        if isinstance(error, json.JSONDecodeError):
            place = f"line {line + error.lineno - 1}"
        raise _broken(place, error) from None
    below = found
    while isinstance(below, dict) and (name := next((each for each in _INSIDE if _holds(below.get(each))), None)):
        below = below[name]
    if isinstance(found, dict) and found.get("success") is False:
        raise BadEntry(f"{place}: it is no log but a refusal: {found.get('message') or 'without a reason'}; ask again")
    if not isinstance(below, list):
        below = [found]
    for number, each in enumerate(below, 1):
        at = place if below is found or len(below) == 1 else f"{place}, entry {number}"
        yield at, _record(each, at)


def _holds(value: object) -> bool:
    return isinstance(value, dict | list)


def _of_array(lines: Iterable[str], before: int) -> Iterator[tuple[str, Record]]:
    """The objects of an array, however it is broken into lines, each as soon as all of it is there."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    text, number, begins = "", 0, before + 1
    for line_number, line in enumerate(chain(lines, [""]), before + 1):
        begins = begins if text else line_number  # of what is there and not whole
        text += line
        at = 0
        while True:
            at = _past(text, at, "[, \t\r\n" if number == 0 else ", \t\r\n")
            if at >= len(text) or text[at] == "]":
                break
            place = f"line {begins}, entry {number + 1}"
            try:
                value, at = decoder.raw_decode(text, at)
            except _NOT_JSON as error:
                if line == "" or len(text) - at > _LONGEST:
                    raise _broken(place, error) from None
                break
            number, begins = number + 1, line_number
            yield place, _record(value, place)
        text = text[at:]
    if not text.startswith("]"):
        raise BadEntry(f"it ends after entry {number} in the middle of a list; export it again")


def _broken(place: str, error: Exception) -> BadEntry:
    why = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
    return BadEntry(f"{place}: it is not JSON: {why}; export it again")


def _past(text: str, at: int, marks: str) -> int:
    while at < len(text) and text[at] in marks:
        at += 1
    return at


def _record(value: object, place: str) -> Record:
    if not isinstance(value, dict):
        raise BadEntry(f"{place}: it is no object with names and values, as an entry of a log is")
    return value


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)
