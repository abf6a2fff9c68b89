"""The one tool that goes upstream, searching the web, out of every way OpenAI callers ask for it."""

from collections.abc import Mapping
from typing import Any

from gateway.core.catalog import Catalog, Model
from gateway.core.errors import BadRequest
from gateway.dialects import checks, options
from gateway.dialects.spelling import camel_keys

_NAMES = ("googleSearch", "google_search")

# The dated ones are those of the SDKs.
_TYPES = (
    *_NAMES,
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
)


def tools(
    document: Mapping[str, Any], model: Model, catalog: Catalog, *, read_elsewhere: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """The request's tools as the upstream takes them: the search, or none.

    `read_elsewhere` are the types of tools that the dialect makes something of itself.
    """
    if document.get("tool_choice") == "none":
        return []
    searches = [
        _search(tool, f"tools[{at}]", read_elsewhere)
        for at, tool in enumerate(_listed(document))
        if not (isinstance(tool, Mapping) and tool.get("type") in read_elsewhere)
    ]
    if options.first(options.places(document), "web_search_options") is not None:
        searches.append({})
    if not searches:
        return []
    checks.check({"tools": [{"googleSearch": search} for search in searches]}, model, catalog)
    whole: dict[str, Any] = {}
    for search in searches:
        options.section(search, "search_types")
        whole |= search
    return [{"googleSearch": whole}]


def _listed(document: Mapping[str, Any]) -> list[Any]:
    listed: list[Any] = []
    for place in options.places(document):
        said = options.value(place, "tools")
        if said is None:
            continue
        if not isinstance(said, list):
            raise BadRequest("tools must be a list.", param="tools")
        listed += said
    return listed


def _search(tool: object, where: str, others: tuple[str, ...]) -> dict[str, Any]:
    """The search's own options, in camel case. Raises for any other tool."""
    if isinstance(tool, Mapping):
        for name in _NAMES:
            if name in tool:
                return dict(camel_keys(options.section(tool, name)))
        function = tool.get("function")
        called = function.get("name") if isinstance(function, Mapping) else tool.get("name")
        if called in _NAMES or tool.get("type") in _TYPES:
            return {}
    raise BadRequest(
        f"{where} is not offered: image models take no function tools, since they call no functions. "
        f"Use {', '.join(('web_search', *others))}, or leave it out.",
        param=where,
        code="unsupported_parameter",
    )
