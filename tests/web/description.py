"""What is in an OpenAPI document."""

from collections.abc import Iterator
from typing import Any

Document = dict[str, Any]


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def nodes(node: object) -> Iterator[Document]:
    """Every object in the document."""
    if isinstance(node, dict):
        yield node
        for each in node.values():
            yield from nodes(each)
    if isinstance(node, list):
        for each in node:
            yield from nodes(each)


def answers(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Method, path and schema of every answer in JSON. Those to callers' calls are for their providers to describe."""
    for method, path, operation in operations(document):
        if operation["tags"] != ["callers"]:
            for status, answer in operation["responses"].items():
                content = answer.get("content", {})
                if status != "default" and "application/json" in content:
                    yield method, path, content["application/json"]["schema"]
