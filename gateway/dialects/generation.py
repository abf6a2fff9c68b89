"""How chat's settings become Gemini's generationConfig.

Everything that decides the price is in the Ask already; what is checked here is what a caller would
otherwise pay for in vain. What OpenAI has and these models do not is left out without a word:
penalties, logprobs, response_format.
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.call import Ask
from gateway.core.errors import BadRequest
from gateway.dialects import options
from gateway.dialects.spelling import camel_keys

# Native name, OpenAI's name.
_NUMBERS = (("temperature", "temperature"), ("topP", "top_p"), ("topK", "top_k"), ("seed", "seed"))

# The most specific first: the second is what the newer SDKs send, the third what the older ones do.
_CEILINGS = ("max_output_tokens", "max_completion_tokens", "max_tokens")

# What an answer holds besides the picture: a sentence, thoughts, and what the provider does not itemise.
_BESIDES_TOKENS = 1000

_MOST_STOPS = 5

# Of generation_config, what is no setting of these.
_READ_ELSEWHERE = ("imageConfig", "candidateCount")

_MODALITIES = {"text": "TEXT", "image": "IMAGE"}


def settings(document: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
    """What a request sets of generationConfig, besides the picture's form; what it does not set is left out."""
    config = camel_keys(options.overlaid(document, "generation_config"))
    if config.get("candidateCount", 1) != 1:
        raise BadRequest("candidate_count must be 1; use n for more pictures.", param="candidate_count")
    modalities = _modalities(document)
    found = {native: _number(document, name) for native, name in _NUMBERS} | {
        "responseModalities": modalities,
        "maxOutputTokens": _ceiling(document, ask, draws=modalities is None or "IMAGE" in modalities),
        "stopSequences": _stops(document),
        "thinkingConfig": _thinking(document, ask),
    }
    others = {name: said for name, said in config.items() if name not in found and name not in _READ_ELSEWHERE}
    return others | {name: said for name, said in found.items() if said is not None}


def safety(document: Mapping[str, Any]) -> list[Any] | None:
    """The safety settings, as they were given."""
    said = options.first(options.places(document), "safety_settings")
    if said is None:
        return None
    if not isinstance(said, list) or not all(isinstance(each, Mapping) for each in said):
        raise BadRequest('safety_settings must be a list of {"category", "threshold"}.', param="safety_settings")
    return said


def refuse_cached_content(document: Mapping[str, Any]) -> None:
    if options.first(options.places(document), "cached_content") is not None:
        raise BadRequest(
            "cached_content is not offered: a cache belongs to one upstream key, and calls go to several. "
            "Send the content itself.",
            param="cached_content",
            code="unsupported_parameter",
        )


def _sought(document: Mapping[str, Any], *names: str) -> Any:
    """The first of `names` that is set, in generation_config before all other places."""
    places = options.places(document)
    config = [options.section(place, "generation_config") for place in places]
    where = [*(each for each in config if each), *places]
    return next((said for name in names if (said := options.first(where, name)) is not None), None)


def _number(document: Mapping[str, Any], name: str) -> int | float | None:
    said = _sought(document, name)
    if said is None or (isinstance(said, int | float) and not isinstance(said, bool)):
        return said
    raise BadRequest(f"{name} must be a number.", param=name)


def _modalities(document: Mapping[str, Any]) -> list[str] | None:
    said = _sought(document, "response_modalities", "modalities")
    if said is None or said == []:
        return None
    wanted = said if isinstance(said, list) else [said]
    names = [_MODALITIES.get(each.lower()) if isinstance(each, str) else None for each in wanted]
    if None in names:
        raise BadRequest(f"modalities {said!r} are not offered; use text and image.", param="modalities")
    return [name for name in dict.fromkeys(names) if name]


def _ceiling(document: Mapping[str, Any], ask: Ask, *, draws: bool) -> int | None:
    """The most tokens to answer with; None where they would cut the picture off, which is paid for all the same."""
    most = _sought(document, *_CEILINGS)
    if most is None:
        return None
    if isinstance(most, bool) or not isinstance(most, int):
        raise BadRequest("max_tokens must be a whole number.", param="max_tokens")
    least = ask.size_facts.image_tokens + _BESIDES_TOKENS if draws else 1
    return min(most, ask.model.output_tokens) if most >= least else None


def _stops(document: Mapping[str, Any]) -> list[str] | None:
    said = _sought(document, "stop_sequences", "stop")
    stops = [said] if isinstance(said, str) else said
    if not stops:
        return None
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        raise BadRequest("stop must be a text or a list of texts.", param="stop")
    if len(stops) > _MOST_STOPS:
        raise BadRequest(f"stop holds at most {_MOST_STOPS} texts.", param="stop")
    return stops


def _thinking(document: Mapping[str, Any], ask: Ask) -> dict[str, Any] | None:
    """How long to think, and whether to show it. The level itself was read when the price was."""
    config = thinking_config(document)
    if config and not ask.model.thinking_levels:
        raise BadRequest(f"{ask.model.id} does not think; leave thinking_config out.", param="thinking_config")
    if "thinkingBudget" in config:
        raise BadRequest(
            f"thinking_budget is not offered; use thinking_level ({', '.join(ask.model.thinking_levels)}).",
            param="thinking_budget",
            code="unsupported_parameter",
        )
    level = {"thinkingLevel": ask.thinking} if ask.thinking else {}
    return {**config, **level} or None


def thinking_config(document: Mapping[str, Any]) -> dict[str, Any]:
    """`thinking_config` from wherever it stands, also inside generation_config; its names in camel case."""
    inside = options.section(options.overlaid(document, "generation_config"), "thinking_config")
    return options.in_camel_case(inside) | options.overlaid(document, "thinking_config")
