"""The dashboard as it is shipped: its panels, and the questions they put to Prometheus."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
FILE = DEPLOY / "grafana" / "dashboards" / "gateway.json"

# What Grafana puts in: a window of four scrapes at least, and "All" of each variable.
_MACROS = {"$__rate_interval": "1m", "$group": ".*", "$model": ".*"}


@dataclass(frozen=True, slots=True)
class Question:
    """One query of a panel, as Prometheus gets it."""

    panel: str
    expression: str


def document() -> dict[str, Any]:
    dashboard: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return dashboard


def panels() -> list[dict[str, Any]]:
    """Every panel that shows something: all but the headings."""
    return [panel for panel in document()["panels"] if panel["type"] != "row"]


def variables() -> Mapping[str, str]:
    """The query of every variable, by its name."""
    return {each["name"]: each["query"]["query"] for each in document()["templating"]["list"]}


def questions() -> Iterator[Question]:
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"]
            for macro, text in _MACROS.items():
                expression = expression.replace(macro, text)
            yield Question(f"{panel['title']} {target['refId']}", expression)
