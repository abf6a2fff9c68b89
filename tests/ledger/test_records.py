"""Teams and keys come back from a record as they were written."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.allowance import Caps
from gateway.core.budgets import Budget, Rates
from gateway.core.keys import Key, Limits, Mode, Show, Team, TeamLimits
from gateway.core.metadata import Metadata
from gateway.core.money import LARGEST_NANOS
from gateway.core.terms import LARGEST_RATE
from gateway.ledger.records import balance_of, differing, key_fields, key_of, team_fields, team_of

AMOUNTS = st.none() | st.integers(0, LARGEST_NANOS)
PERCENTS = st.lists(st.integers(1, 1000), max_size=10).map(tuple)
BUDGETS = st.builds(Budget, AMOUNTS, AMOUNTS, AMOUNTS, st.booleans(), PERCENTS)
RATES = st.builds(Rates, *[st.none() | st.integers(1, LARGEST_RATE)] * 3)
TIMES = st.floats(0, 2**40)
NAMES = st.none() | st.frozensets(st.text())
MULTIPLIERS = st.none() | st.builds(Fraction, st.integers(1, 10**12), st.integers(1, 10**12))
LIMITS = st.builds(
    Limits,
    budget=BUDGETS,
    rates=RATES,
    max_multiplier=MULTIPLIERS,
    models=NAMES,
    groups=NAMES,
    expires_at=st.none() | TIMES,
    chat_pictures=st.none() | st.sampled_from(Show),
    failover=st.none() | st.sampled_from(Mode),
    retain=st.booleans(),
)


TEAM_LIMITS = st.builds(
    TeamLimits, BUDGETS, RATES, st.builds(Caps, AMOUNTS, AMOUNTS), st.sampled_from(["UTC", "Asia/Shanghai"])
)


METADATA = st.dictionaries(st.text(), st.text()).map(lambda notes: tuple(sorted(notes.items())))


@given(st.builds(Team, st.just("acme"), st.text(), TEAM_LIMITS, TIMES, METADATA))
def test_a_team_survives_writing(team: Team) -> None:
    assert team_of("acme", team_fields(team)) == team


@given(st.builds(Key, st.just("key_1"), st.just("acme"), st.text(), st.text(), LIMITS, TIMES, metadata=METADATA))
def test_a_key_survives_writing(key: Key) -> None:
    assert key_of("acme", "key_1", key_fields(key)) == key


def test_sums_without_a_record_are_nobodys() -> None:
    left_over = {"held": "0", "spent": "7"}
    assert team_of("acme", left_over) is None
    assert key_of("acme", "key_1", left_over) is None
    assert balance_of(left_over) is None


@given(METADATA, METADATA)
def test_what_differs_makes_the_new_record_of_the_old(old: Metadata, new: Metadata) -> None:
    before, after = (team_fields(Team("acme", "Acme", TeamLimits(), 0.0, notes)) for notes in (old, new))
    written = {name: value for name, value in {**before, **differing(before, after)}.items() if value or name in after}
    assert written == after
    assert "created" not in differing(before, after)
