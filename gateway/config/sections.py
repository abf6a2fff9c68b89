"""What every section of the configuration has in common, and the words for what is wrong with one.

Pydantic finds the mistakes; its own messages are written for programmers, so each kind has our words
here. They never repeat the value.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from gateway.config.draft import Draft, Where

TEXT = "must be text; put it in quotes"

# By pydantic's name for the mistake; braces are filled from what it says of it.
_WORDS = {
    "string_type": TEXT,
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a section: name: value",
    "model_type": "must be a section: name: value",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt:.15g}",
    "greater_than_equal": "must be at least {ge:.15g}",
    "less_than_equal": "must be at most {le:.15g}",
    "date_type": "must be a date like 2026-02-26",
    "date_parsing": "must be a date like 2026-02-26",
    "date_from_datetime_parsing": "must be a date like 2026-02-26",
    "date_from_datetime_inexact": "must be a date like 2026-02-26",
}


class Section(BaseModel):
    """A section with nothing in it (`limits:`) is a section of defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_defaults(cls, value: object) -> object:
        return {} if value is None else value


S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a setting holds: sections or not; one, a list of them, or a mapping by names of the user's own."""

    section: type[Section] | None
    listed: bool
    mapped: bool

    @property
    def plain(self) -> bool:
        return not self.listed and not self.mapped


def shape(annotation: Any) -> Shape:
    """The Shape of a field, read from its annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return Shape(annotation, listed=False, mapped=False)
    inner = [shape(argument) for argument in get_args(annotation)]
    origin = get_origin(annotation)
    section = next((part.section for part in inner if part.section is not None), None)
    return Shape(section, listed=origin is list, mapped=origin is dict)


def checked(schema: type[S], draft: Draft) -> S | None:
    """The draft's values as a section, or None, with everything that is wrong noted in the draft."""
    try:
        return schema.model_validate(draft.values)
    except ValidationError as error:
        for mistake in error.errors(include_url=False, include_input=False):
            where = tuple(step for step in mistake["loc"] if step != "[key]")
            if where not in draft.lacking:
                draft.wrong(where, _words(schema, where, mistake))
    return None


def near(name: str, known: Mapping[str, object]) -> str:
    """A hint for a name that is not known: the nearest that is, or all of them."""
    matches = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {matches[0]}?" if matches else f"known here: {', '.join(known)}"


def _words(schema: type[Section], where: Where, mistake: Mapping[str, Any]) -> str:
    kind, facts = mistake["type"], mistake.get("ctx", {})
    if kind == "value_error":
        return str(facts["error"])
    section = _section(schema, where[:-1])
    if kind == "extra_forbidden":
        return f"is not a setting; {near(str(where[-1]), section.model_fields)}"
    if kind == "missing":
        meaning = section.model_fields[str(where[-1])].description
        return f"is missing: {meaning}" if meaning else "is missing"
    words = _WORDS.get(kind)
    return words.format_map(facts) if words else str(mistake["msg"])


def _section(schema: type[Section], where: Where) -> type[Section]:
    """The section a way leads to; list numbers and names of the user's own do not lead further."""
    for step in where:
        field = schema.model_fields.get(str(step))
        found = shape(field.annotation).section if field is not None else None
        schema = found or schema
    return schema
