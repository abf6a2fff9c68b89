"""What a native request asks for beside size and ratio, held against the model before anything is paid.

Works on a request in canonical spelling; of its pictures only the heads are needed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.core.catalog import Catalog, Model
from gateway.core.errors import BadRequest
from gateway.dialects import canonical, parts


def check(document: Mapping[str, Any], model: Model, catalog: Catalog) -> None:
    """Raises `BadRequest` with the field that is wrong and what would be right."""
    for part in canonical.content_parts(document):
        _check_picture(part)
    for search in _searches(document):
        _check_search(search, model, catalog)


def _check_picture(part: Mapping[str, Any]) -> None:
    """The bytes decide what a picture is, not the mime type that its sender claims."""
    inline = part.get("inlineData")
    if inline is None:
        return
    data = inline.get("data") if isinstance(inline, Mapping) else None
    if not isinstance(data, str) or parts.mime_of(parts.head_of(data)) is None:
        raise BadRequest(
            "inlineData.data does not hold a PNG, JPEG, WebP or HEIC picture in base64.", param="inlineData.data"
        )


def _searches(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    tools = document.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        search = tool.get("googleSearch") if isinstance(tool, dict) else None
        if isinstance(search, Mapping):
            yield search


def _check_search(search: Mapping[str, Any], model: Model, catalog: Catalog) -> None:
    if not model.web_search:
        raise BadRequest(f"{model.id} cannot search; {_who(catalog, 'web_search')} can.", param="tools.googleSearch")
    types = search.get("searchTypes")
    if isinstance(types, list):
        raise BadRequest(
            'searchTypes is an object, not a list: write {"webSearch": {}, "imageSearch": {}}.',
            param="tools.googleSearch.searchTypes",
        )
    if isinstance(types, Mapping) and "imageSearch" in types and not model.image_search:
        raise BadRequest(
            f"{model.id} cannot search for pictures; {_who(catalog, 'image_search')} can.",
            param="tools.googleSearch.searchTypes.imageSearch",
        )


def _who(catalog: Catalog, ability: str) -> str:
    return " and ".join(model.id for model in catalog.models if getattr(model, ability)) or "no model here"
