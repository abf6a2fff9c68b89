"""What a model can be asked for, checked before anything is paid. The refusal names what is allowed."""

from gateway.core.call import Ask
from gateway.core.errors import BadRequest


def check(ask: Ask) -> None:
    """Raises `BadRequest` for an ask that the model cannot answer."""
    model = ask.model
    if ask.references > model.references:
        raise BadRequest(
            f"{ask.references} reference pictures are too many for {model.id}: it takes up to {model.references}.",
            param="references",
        )
    if ask.thinking is not None and ask.thinking not in model.thinking_levels:
        takes = f"use {' or '.join(model.thinking_levels)}" if model.thinking_levels else "leave it out"
        raise BadRequest(f"{ask.thinking!r} is not a thinking level of {model.id}; {takes}.", param="thinkingLevel")
