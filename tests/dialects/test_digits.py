"""Base64 as it should be, out of base64 as upstreams write it into JSON, wherever it is split."""

import base64
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.dialects.digits import Digits, Padded
from gateway.dialects.parts import canonical_base64
from tests.dialects.test_places import WRITERS

CHANCE = random.Random(7)


def padded(text: bytes, step: int) -> tuple[bytes, int]:
    feeding = Padded()
    told = [feeding.feed(text[at : at + step]) for at in range(0, len(text), step)]
    told.append(feeding.finish())
    return b"".join(told), feeding.size


@pytest.mark.parametrize("text", [b"QUJD", b"QUI=", b"QQ==", b"+/+/", b""])
def test_what_is_as_it_should_be_goes_through_as_the_very_bytes(text: bytes) -> None:
    assert Digits().feed(text) is text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"-_-_", b"+/+/"),
        (b"QUI", b"QUI="),
        (b"QQ", b"QQ=="),
        (b"QQ=", b"QQ=="),
        (rb"QU\nJD\r\n", b"QUJD"),
        (b"QU JD", b"QUJD"),
        (b"QU\nJD", b"QUJD"),
        (b"QU\tJD", b"QUJD"),
        (b"QU\rJD", b"QUJD"),
        (rb"\/\/\u002b\u002B", b"//++"),
        (rb"QQ\u003d\u003d", b"QQ=="),
        (b"", b""),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 5, 100])
def test_of_what_is_not_it_comes_out_as_it_should_be(text: bytes, told: bytes, step: int) -> None:
    assert padded(text, step) == (told, len(told))


@pytest.mark.parametrize("text", [rb"QU\x", rb"QU\u00zz", b"QUJD\\", rb"QUJD\u00"])
def test_an_escape_that_is_none_is_told(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"scape|control|Invalid"):
        padded(text, 100)


@given(size=st.integers(0, 3000), step=st.integers(1, 700), name=st.sampled_from(sorted(WRITERS)))
@settings(max_examples=120, deadline=None)
def test_it_is_the_canonical_base64_of_the_same_bytes_wherever_it_is_split(size: int, step: int, name: str) -> None:
    text = base64.b64encode(CHANCE.randbytes(size)).decode()
    for written in WRITERS[name](text):
        told, counted = padded(written[1:-1].encode(), step)
        assert told.decode() == canonical_base64(json.loads(written)) == text
        assert counted == len(told)
