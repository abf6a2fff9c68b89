"""What an answer takes: as the catalogue has it first, then as it is reported."""

from gateway.core.consumption import Consumption
from tests.facts import USUAL_TOKENS, ask


def test_before_any_answer_it_is_what_the_catalogue_says() -> None:
    assert Consumption().output_tokens(ask(size="4K")) == USUAL_TOKENS["4K"]
    assert Consumption().output_tokens(ask(size="1K", thinking="high")) == 3080


def test_a_few_answers_count_more_than_the_catalogue() -> None:
    consumption = Consumption()
    for _ in range(8):
        consumption.used(ask(size="4K"), 2900)
    assert 2900 < consumption.output_tokens(ask(size="4K")) < 3300
    assert consumption.output_tokens(ask(size="1K")) == USUAL_TOKENS["1K"], "other kinds are another matter"


def test_what_changes_is_learned_again_however_much_was_seen_before() -> None:
    consumption = Consumption()
    for tokens in [2000] * 1000 + [4000] * 200:
        consumption.used(ask(), tokens)
    assert consumption.output_tokens(ask()) > 3900
