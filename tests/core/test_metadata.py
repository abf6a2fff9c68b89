"""What is noted of a key or a team: set, removed, bounded."""

import pytest

from gateway.core.errors import BadRequest
from gateway.core.metadata import LONGEST_VALUE, MOST, changed, read

OLD = (("centre", "4711"), ("owner", "Zoë"))


@pytest.mark.parametrize(
    ("said", "new"),
    [
        ({}, OLD),
        ({"centre": "4712"}, (("centre", "4712"), ("owner", "Zoë"))),
        ({"art": "yes"}, (("art", "yes"), *OLD)),
        ({"owner": None}, (("centre", "4711"),)),
        ({"owner": ""}, (("centre", "4711"),)),
        ({"nobody": None}, OLD),
        (None, ()),
    ],
)
def test_what_is_not_said_stays(said: dict[str, str | None] | None, new: tuple[tuple[str, str], ...]) -> None:
    assert changed(OLD, said) == new


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"a b": "x"}, "'a b' cannot be one: a name is 1 to 64 letters"),
        ({"": "x"}, "'' cannot be one"),
        ({"x" * 65: "x"}, "cannot be one"),
        ({"größe": "x"}, "cannot be one"),
        ({"big": "x" * (LONGEST_VALUE + 1)}, "big has 513 characters; 512 are the most"),
        ({"lines": "one\ntwo"}, "lines has a line break"),
        ({"half": "\ud800"}, "half has a line break or another character that cannot be shown"),
        ({str(number): "x" for number in range(MOST - 1)}, "at most 16 are kept, and these would be 17; remove some"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(said: dict[str, str | None], says: str) -> None:
    with pytest.raises(BadRequest, match=says) as refused:
        changed(OLD, said)
    assert refused.value.param == "metadata"


def test_one_may_go_where_another_comes() -> None:
    full = tuple((f"name-{number:02}", "x") for number in range(MOST))
    assert len(changed(full, {"name-00": None, "zoo": "y"})) == MOST


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], {}),
        (["a=1", "b=x=y"], {"a": "1", "b": "x=y"}),
        (["a="], {"a": ""}),
        (["a=1", "none"], None),
        (["none=1"], {"none": "1"}),
    ],
)
def test_words_are_names_and_values(words: list[str], said: dict[str, str | None] | None) -> None:
    assert read(words) == said


def test_a_word_without_a_value_is_refused_with_how_to_write_it() -> None:
    with pytest.raises(BadRequest, match="'centre' is not NAME=VALUE; NAME= removes one, and none removes all"):
        read(["centre"])
