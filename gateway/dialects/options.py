"""Where OpenAI callers put the options that only Gemini knows, and which of two places wins.

SDKs merge `extra_body` into the request or send it as it is, resellers made names of their own, and
every name comes in two casings. This file knows the places, and nothing of what stands in them.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects.spelling import camel

Place = Mapping[str, Any]


# Of the names that are looked for, all of which are in the code.
_camel = cache(camel)


def google(document: Place) -> list[Place]:
    """The places that are Gemini's by their name and hold anything, the most specific first."""
    return [each for each in (section(section(document, "extra_body"), "google"), section(document, "google")) if each]


def flat(document: Place) -> list[Place]:
    """The places where Gemini's options stand among OpenAI's own."""
    return [each for each in (section(document, "extra_body"), document) if each]


def places(document: Place) -> list[Place]:
    """All of them, the most specific first."""
    return google(document) + flat(document)


def value(place: Place, name: str) -> Any:
    """What a place says of `name`, which is given in snake case; None when it says nothing."""
    said = place.get(name)
    return place.get(_camel(name)) if said is None else said


def first(where: Iterable[Place], name: str) -> Any:
    """What the first place that says anything says of `name`."""
    for place in where:
        if (said := value(place, name)) is not None:
            return said
    return None


def section(place: Place, name: str) -> Place:
    """The object that stands in a place under `name`; empty when there is none."""
    inside = value(place, name)
    if inside is None:
        return {}
    if not isinstance(inside, Mapping):
        raise BadRequest(f"{name} must be an object.", param=name)
    return inside


def overlaid(document: Place, name: str) -> dict[str, Any]:
    """The objects called `name` of all places as one, the most specific on top."""
    whole: dict[str, Any] = {}
    for place in reversed(places(document)):
        whole |= in_camel_case(section(place, name))
    return whole


def in_camel_case(place: Place) -> dict[str, Any]:
    return {camel(name): said for name, said in place.items() if said is not None}
