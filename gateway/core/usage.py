"""What an upstream says was consumed.

Reads Gemini's `usageMetadata`. Fields of it disagree in known ways (the picture's tokens are only
part of the candidate's, blocked replies mirror thoughts as output), so what is billed comes from
the total, which the provider has been seen to keep right.
"""

import re
from dataclasses import dataclass
from typing import Any

from gateway.core.call import Ask

_NUMBER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `input` and `output` are what is billed. `estimated`: nobody reported them, they were worked out."""

    prompt: int = 0
    candidates: int = 0
    thoughts: int = 0
    tool_use: int = 0
    cached: int = 0
    total: int = 0
    prompt_images: int = 0
    output_images: int = 0
    estimated: bool = False

    @property
    def input(self) -> int:
        return self.prompt + self.tool_use

    @property
    def output(self) -> int:
        """Total less input: `candidatesTokensDetails` alone would bill up to 28 % too little."""
        if self.total:
            return max(0, self.total - self.input)
        return self.candidates + self.thoughts


def usage_from_gemini(reported: object) -> Usage | None:
    """A `usageMetadata` object as Usage; None when it is absent, empty or of another shape."""
    if not isinstance(reported, dict):
        return None
    usage = Usage(
        prompt=_count(reported, "promptTokenCount"),
        candidates=_count(reported, "candidatesTokenCount"),
        thoughts=_count(reported, "thoughtsTokenCount"),
        tool_use=_count(reported, "toolUsePromptTokenCount"),
        cached=_count(reported, "cachedContentTokenCount"),
        total=_count(reported, "totalTokenCount"),
        prompt_images=_images(reported.get("promptTokensDetails")),
        output_images=_images(reported.get("candidatesTokensDetails")),
    )
    return usage if usage.input or usage.output else None


def estimate(ask: Ask, *, pictures: int, words: str) -> Usage:
    """What an answer that came without usage used, near enough to show it; nothing is charged by it.

    Four bytes of text are a token; a picture counts as the provider says that its size does.
    """
    shown = (ask.references + ask.history) * ask.model.reference_tokens
    drawn = pictures * ask.size_facts.image_tokens
    prompt, candidates = shown + text_tokens(ask.text_bytes), drawn + text_tokens(len(words.encode()))
    return Usage(
        prompt=prompt,
        candidates=candidates,
        total=prompt + candidates,
        prompt_images=shown,
        output_images=drawn,
        estimated=True,
    )


def text_tokens(length: int) -> int:
    """About how many tokens a text of this length is."""
    return -(-length // 4)


def _count(reported: dict[str, Any], name: str) -> int:
    """A token count; JSON of protocol buffers may write integers as strings."""
    value = reported.get(name)
    if type(value) is int:  # no bool
        return max(0, value)
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else 0


def _images(details: object) -> int:
    if not isinstance(details, list):
        return 0
    rows = [row for row in details if isinstance(row, dict) and row.get("modality") == "IMAGE"]
    return sum([_count(row, "tokenCount") for row in rows])
