"""Where OpenAI callers put the options that only Gemini knows, and which of two places wins.

SDKs merge `extra_body` into the request or send it as it is, resellers made names of their own, and
every name comes in two casings. This file knows the places, and nothing of what stands in them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects.spelling import camel

Place = Mapping[str, Any]


def google(document: Place) -> tuple[Place, Place]:
    """The places that are Gemini's by their name, the most specific first."""
    return section(section(document, "extra_body"), "google"), section(document, "google")


def flat(document: Place) -> tuple[Place, Place]:
    """The places where Gemini's options stand among OpenAI's own."""
    return section(document, "extra_body"), document


def places(document: Place) -> tuple[Place, ...]:
    """All of them, the most specific first."""
    return (*google(document), *flat(document))


def value(place: Place, name: str) -> Any:
    """What a place says of `name`, which is given in snake case; None when it says nothing."""
    said = place.get(name)
    return place.get(camel(name)) if said is None else said


def first(where: Iterable[Place], name: str) -> Any:
    """What the first place that says anything says of `name`."""
    return next((said for place in where if (said := value(place, name)) is not None), None)


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
