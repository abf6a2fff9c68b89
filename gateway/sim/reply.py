"""What a call comes to before anything is drawn: its parts, its tokens.

All of it follows from the request alone (the tokens from a number that is a hash of it), so the
same request is answered and billed alike every time. Faults of content change this record; how it
is written on the wire is the business of `forms`.
"""

import random
from dataclasses import dataclass

from gateway.sim.ask import Ask

_SENTENCES = (
    "Here is your picture. I kept the light soft and let the distance fade into haze.",
    "Done! I went for a quiet composition with a low sun and layered hills.",
    "I drew this scene with a warm palette; tell me if you would like it cooler.",
    "Here you go: a wide view with plenty of air, as the description suggests.",
)
_THOUGHT = "Considering the composition: horizon low, one light source, room for a caption."


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    thought: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture yet to be drawn; each take of a prompt looks different.

    Sellers deliver less than was asked for, and bill it in full: `halved` each way, or `squared`.
    """

    take: int = 0
    thought: bool = False
    halved: bool = False
    squared: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as they are reported and billed."""

    prompt_text: int
    prompt_images: int
    candidates: int
    images: int  # of the candidates, what the pictures themselves take
    thoughts: int

    @property
    def prompt(self) -> int:
        return self.prompt_text + self.prompt_images

    @property
    def output(self) -> int:
        return self.candidates + self.thoughts

    @property
    def total(self) -> int:
        return self.prompt + self.output


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with status 200. Blocked: there is no candidate at all."""

    parts: tuple[Text | Shot, ...]
    usage: Usage
    finish: str = "STOP"
    message: str | None = None
    blocked: str | None = None
    reports_usage: bool = True

    @property
    def shots(self) -> tuple[Shot, ...]:
        return tuple(part for part in self.parts if isinstance(part, Shot))

    @property
    def pictures(self) -> int:
        """How many pictures are in it that are meant to be kept."""
        return sum(not shot.thought for shot in self.shots)


def expected(ask: Ask, number: int) -> Reply:
    """The reply when nothing goes wrong; `number` is a hash of the request."""
    parts: list[Text | Shot] = []
    if ask.shows_thoughts and (ask.thinks_hard or ask.model.thinks == "always"):
        parts.append(Text(_THOUGHT, thought=True))
        parts += [Shot(take=1, thought=True)] if "IMAGE" in ask.modes else []
    if "TEXT" in ask.modes:
        parts.append(Text(_SENTENCES[number % len(_SENTENCES)]))
    if "IMAGE" in ask.modes:
        parts.append(Shot())
    return Reply(tuple(parts), _usage(ask, number))


def words_only(usage: Usage) -> Usage:
    """The tokens of a reply without any picture."""
    return Usage(usage.prompt_text, usage.prompt_images, candidates=27, images=0, thoughts=usage.thoughts)


def nothing(usage: Usage) -> Usage:
    """The tokens of a reply that was held back: only the thinking is left."""
    return Usage(usage.prompt_text, usage.prompt_images, candidates=0, images=0, thoughts=usage.thoughts)


def dice(seed: int, nth: int) -> random.Random:
    """The dice of the nth request: the same run of requests falls out alike every time."""
    return random.Random(f"{seed}/{nth}")  # noqa: S311  to be repeated, not to be secret


def _usage(ask: Ask, number: int) -> Usage:
    model = ask.model
    least, most = model.extra_tokens
    prompt_images = ask.references * model.reference_tokens
    usage = Usage(
        prompt_text=max(1, ask.text_chars // 4),
        prompt_images=prompt_images,
        candidates=model.image_tokens[ask.size] + least + number % (most - least + 1),
        images=model.image_tokens[ask.size],
        thoughts=_thoughts(ask, number),
    )
    return usage if "IMAGE" in ask.modes else words_only(usage)


def _thoughts(ask: Ask, number: int) -> int:
    if ask.thinks_hard:
        return 520 + number % 400
    return 120 + number % 240 if ask.model.thinks == "always" else 0
