"""Tokens: what they stand for, for how long, and that nobody else can make one."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.links import LASTS_S, Link, Links

MADE_AT = 1_790_000_000.75
LINK = Link.made("acme", f"call_{'0123456789abcdef' * 2}", 1, MADE_AT)
LINKS = Links(b"a secret")


def test_a_token_is_good_for_an_hour_after_the_call_was_made() -> None:
    token = LINKS.token(LINK)
    assert LINK.ends_at == 1_790_000_000 + LASTS_S
    assert LINKS.read(token, MADE_AT) == LINK
    assert LINKS.read(token, LINK.ends_at - 1) == LINK
    assert LINKS.read(token, LINK.ends_at) is None


def test_it_is_the_same_whoever_makes_it_again_and_good_in_an_address() -> None:
    token = LINKS.token(LINK)
    assert Links(b"a secret").token(Link.made("acme", LINK.call_id, 1, MADE_AT)) == token
    assert set(token) <= set(string.ascii_letters + string.digits + "-_")


@given(
    team=st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True),
    call_id=st.from_regex(r"call_[0-9a-f]{32}", fullmatch=True),
    number=st.integers(1, 10),
    made_at=st.floats(1e9, 2e9),
)
def test_what_was_put_in_comes_out(team: str, call_id: str, number: int, made_at: float) -> None:
    link = Link.made(team, call_id, number, made_at)
    assert LINKS.read(LINKS.token(link), made_at) == link


def test_another_secret_makes_another_token() -> None:
    assert LINKS.read(Links(b"another").token(LINK), MADE_AT) is None


@given(st.data())
def test_no_other_spelling_of_a_token_is_one(data: st.DataObject) -> None:
    token = LINKS.token(LINK)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_=+/ é\0"))
    changed = token[:at] + letter + token[at + 1 :]
    assert LINKS.read(changed, MADE_AT) == (LINK if changed == token else None)
    assert LINKS.read(token[:at], MADE_AT) is None
    assert LINKS.read(token + letter, MADE_AT) is None


@pytest.mark.parametrize(
    "token",
    ["", "=", "x", "é", "\udcff", "A" * 43, "A" * 10_000, base64.urlsafe_b64encode(b"a|b|c|d" + bytes(32)).decode()],
)
def test_nonsense_is_no_token(token: str) -> None:
    assert LINKS.read(token, MADE_AT) is None


@given(st.text(max_size=200))
def test_whatever_is_sent_is_answered(text: str) -> None:
    assert LINKS.read(text, MADE_AT) is None
