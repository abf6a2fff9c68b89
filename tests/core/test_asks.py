import pytest

from gateway.core.asks import check
from gateway.core.call import Ask
from gateway.core.errors import BadRequest
from tests.facts import FLASH, OLD, ask


@pytest.mark.parametrize("asked", [ask(), ask(thinking="high"), ask(references=14), ask(OLD)])
def test_what_a_model_can_do_is_let_through(asked: Ask) -> None:
    check(asked)


@pytest.mark.parametrize(
    ("asked", "param", "says"),
    [
        (ask(references=15), "references", "up to 14"),
        (ask(thinking="medium"), "thinkingLevel", "use minimal or high"),
        (ask(OLD, thinking="high"), "thinkingLevel", "leave it out"),
    ],
)
def test_what_it_cannot_is_refused_with_what_it_can(asked: Ask, param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        check(asked)
    assert caught.value.param == param


def test_what_the_model_drew_before_is_no_reference() -> None:
    check(Ask(FLASH, "1K", references=14, history=20))
