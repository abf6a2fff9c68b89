import pytest

from gateway.core.call import Ask
from gateway.core.usage import Usage, estimate, usage_from_gemini
from tests.facts import PRO

REPORTED = {
    "promptTokenCount": 21,
    "candidatesTokenCount": 1548,
    "thoughtsTokenCount": 130,
    "totalTokenCount": 1699,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}


def test_billed_output_is_the_total_less_the_input() -> None:
    usage = usage_from_gemini(REPORTED)
    assert usage is not None
    assert (usage.input, usage.output, usage.output_images) == (21, 1678, 1120)


def test_tool_use_counts_as_input() -> None:
    usage = usage_from_gemini({**REPORTED, "toolUsePromptTokenCount": 100, "totalTokenCount": 1799})
    assert usage is not None
    assert (usage.input, usage.output) == (121, 1678)


def test_without_a_total_candidates_and_thoughts_are_billed() -> None:
    assert Usage(prompt=5, candidates=10, thoughts=3).output == 13


@pytest.mark.parametrize("reported", [None, {}, [], "x", {"totalTokenCount": 0}, {"totalTokenCount": -4}])
def test_no_usage_is_told_apart_from_usage_of_nothing(reported: object) -> None:
    assert usage_from_gemini(reported) is None


def test_integers_may_come_as_strings() -> None:
    assert usage_from_gemini({"promptTokenCount": "7", "totalTokenCount": "9"}) == Usage(prompt=7, total=9)


def test_what_nobody_reported_is_estimated_from_what_was_asked_and_came() -> None:
    shown = Ask(PRO, "4K", references=2, history=1, text_bytes=9)
    pictures = 3 * PRO.reference_tokens
    usage = estimate(shown, pictures=1, words="Here it is.")
    assert (usage.input, usage.output) == (pictures + 3, PRO.sizes["4K"].image_tokens + 3)
    assert (usage.prompt_images, usage.output_images) == (pictures, PRO.sizes["4K"].image_tokens)
    assert usage.estimated


def test_a_refusal_used_what_was_asked() -> None:
    usage = estimate(Ask(PRO, "1K", text_bytes=9), pictures=0, words="")
    assert (usage.input, usage.output) == (3, 0)
