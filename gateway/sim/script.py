"""Which fault befalls a call: what the caller asks for, else what the schedule says.

A caller asks by header or by a directive in its prompt, `[sim:NAME]` or `[sim:NAME@GROUP]`: the
prompt is the one thing a gateway passes on untouched. `[sim:NAME#1]` befalls the first attempt of a
call alone, by the number that ends its id. The schedule plays an incident by the clock,
which is handed in as seconds since the schedule was set, and by a roll between 0 and 1.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from gateway.sim import tables

_DIRECTIVE = re.compile(r"\[sim:([a-z-]+)(?:@([\w.-]+))?(?:#(\d+))?\]")


@dataclass(frozen=True, slots=True)
class Rule:
    """From one second to another, this share of a group's calls for a model meets a fault."""

    fault: str
    group: str | None = None  # None: every group
    model: str | None = None
    share: float = 1.0
    from_s: float = 0.0
    until_s: float | None = None  # None: for good

    def befalls(self, group: str, model: str, elapsed_s: float) -> bool:
        if self.group not in (None, group) or elapsed_s < self.from_s:
            return False
        if self.until_s is not None and elapsed_s >= self.until_s:
            return False
        return self.model is None or _model_id(self.model) == model


class Schedule:
    """The rules in force, and since when."""

    def __init__(self, rules: Sequence[Rule], now: float) -> None:
        self.replace(rules, now)

    def replace(self, rules: Sequence[Rule], now: float) -> None:
        """New rules; their seconds count from now."""
        self.rules = tuple(rules)
        self._since = now

    def fault(self, group: str, model: str, *, now: float, roll: float) -> str | None:
        """The fault a roll of the dice lands on. Shares of rules that hold at once add up."""
        for rule in self.rules:
            if not rule.befalls(group, model, now - self._since):
                continue
            if roll < rule.share:
                return rule.fault
            roll -= rule.share
        return None

    def as_json(self) -> list[dict[str, object]]:
        return [asdict(rule) for rule in self.rules]


def directed(prompt: str, group: str, call_id: str) -> str | None:
    """The fault a prompt asks for in this group, and for this attempt."""
    for name, only_group, nth in _DIRECTIVE.findall(prompt):
        if only_group in ("", group) and (not nth or call_id.endswith(f"-{nth}")):
            return str(name)
    return None


def without_directives(prompt: str) -> str:
    return _DIRECTIVE.sub("", prompt).strip()


def read_rules(document: object, known: Sequence[str]) -> tuple[Rule, ...]:
    """The rules of a JSON array; `ValueError` says what is wrong with it."""
    if not isinstance(document, list):
        raise ValueError("a schedule is an array of rules")
    return tuple(_rule(each, known) for each in document)


def _rule(document: object, known: Sequence[str]) -> Rule:
    if not isinstance(document, dict):
        raise ValueError("a rule is an object")
    names = [each.name for each in fields(Rule)]
    if odd := sorted(set(document) - set(names)):
        raise ValueError(f"a rule has {', '.join(names)}; not {', '.join(odd)}")
    if document.get("fault") not in known:
        raise ValueError(f"fault is one of {', '.join(known)}")
    for name in ("group", "model"):
        if not isinstance(document.get(name), str | None):
            raise ValueError(f"{name} is a name or null")
    for name in ("share", "from_s", "until_s"):
        if not isinstance(document.get(name, 0), int | float | None):
            raise ValueError(f"{name} is a number")
    rule = Rule(**{name: value for name, value in document.items() if value is not None})
    if not 0 <= rule.share <= 1:
        raise ValueError("share is between 0 and 1")
    return rule


def _model_id(name: str) -> str:
    named = tables.find(name)
    return named.model.id if named else name
