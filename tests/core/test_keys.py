"""Which secrets open a key, and until when."""

import pytest

from gateway.core.keys import Key, Limits, OldSecret


def key(*, expires_at: float | None = None, revoked_at: float | None = None) -> Key:
    return Key(
        id="key_1",
        team="acme",
        name="ci",
        hint="dddd",
        limits=Limits(expires_at=expires_at),
        created_at=0.0,
        revoked_at=revoked_at,
        secret_name="d",
        rotated_at=90.0,
        old_secrets=(OldSecret("b", "bbbb", 100.0), OldSecret("", "cccc", 200.0)),
    )


@pytest.mark.parametrize(
    ("name", "now", "opens"),
    [
        ("d", 99.0, True),
        ("d", 1e9, True),
        ("b", 99.9, True),
        ("b", 100.0, False),
        ("", 199.9, True),
        ("", 200.0, False),
        ("a", 0.0, False),
    ],
)
def test_a_key_is_opened_by_its_secret_and_for_a_while_by_older_ones(name: str, now: float, opens: bool) -> None:
    assert key().opened_by(name, now) is opens


@pytest.mark.parametrize("name", ["d", "b", ""])
def test_no_secret_opens_a_key_that_is_revoked_or_expired(name: str) -> None:
    assert not key(revoked_at=50.0).opened_by(name, 60.0)
    assert key(expires_at=60.0).opened_by(name, 59.9)
    assert not key(expires_at=60.0).opened_by(name, 60.0)


def test_old_secrets_are_told_as_long_as_they_are_good_and_end_with_the_key() -> None:
    assert [old.hint for old in key().still_good(99.0)] == ["bbbb", "cccc"]
    assert [old.hint for old in key().still_good(100.0)] == ["cccc"]
    assert [old.ends_at for old in key(expires_at=150.0).still_good(99.0)] == [100.0, 150.0]
    assert key(expires_at=150.0).still_good(150.0) == ()
