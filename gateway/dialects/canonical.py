"""Native requests in one spelling: camelCase names, upper-case enums, standard base64.

Google reads both casings, resellers only one and silently drop the other, so a request is rewritten
where it must be and left byte for byte as it came where it need not. Thought signatures and the
insides of map-like fields belong to the caller and are never touched.
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.catalog import Named
from gateway.core.errors import BadRequest
from gateway.dialects import parts, sizes
from gateway.dialects.spelling import camel_keys


def canonical(document: dict[str, Any], named: Named, *, spelled: bool = False) -> dict[str, Any]:
    """The request as the upstream is to read it; the given document itself when nothing had to change.

    `spelled`: its names are known to be in camel case.
    """
    tidy: dict[str, Any] = document if spelled else camel_keys(document)
    tidy = contents_as_list(tidy)
    tidy = _without(tidy, "model")
    tidy = _config(tidy, named)
    return _pictures(tidy)


def content_parts(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every part of every content, of a document in canonical spelling."""
    contents = document.get("contents")
    return [part for content in contents for part in parts_of(content)] if isinstance(contents, list) else []


def parts_of(content: object) -> list[dict[str, Any]]:
    """Every part of one content."""
    inside = content.get("parts") if isinstance(content, dict) else None
    return [part for part in inside if isinstance(part, dict)] if isinstance(inside, list) else []


def contents_as_list(document: dict[str, Any]) -> dict[str, Any]:
    contents = document.get("contents")
    if isinstance(contents, dict):
        return {**document, "contents": [contents]}
    if not isinstance(contents, list) or not contents:
        raise BadRequest("contents is missing: it holds what is to be drawn.", param="contents")
    return document


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    if name not in document:
        return document
    return {key: value for key, value in document.items() if key != name}


def _config(document: dict[str, Any], named: Named) -> dict[str, Any]:
    """generationConfig with the picture's size and the modalities as the wire spells them."""
    config = document.get("generationConfig", {})
    if not isinstance(config, dict):
        raise BadRequest("generationConfig must be an object.", param="generationConfig")
    if config.get("candidateCount", 1) != 1:
        raise BadRequest(
            "candidateCount must be 1: these models draw one picture a call.", param="generationConfig.candidateCount"
        )
    changed = dict(config)
    modalities = config.get("responseModalities")
    if isinstance(modalities, list):
        upper = [each.upper() if isinstance(each, str) else each for each in modalities]
        if upper != modalities:
            changed["responseModalities"] = upper
    image = _image_config(config.get("imageConfig", {}), named)
    if image or "imageConfig" in config:
        changed["imageConfig"] = image
    if changed == config:
        return document
    return {**document, "generationConfig": changed}


def _image_config(image: object, named: Named) -> dict[str, Any]:
    if not isinstance(image, dict):
        raise BadRequest("imageConfig must be an object.", param="generationConfig.imageConfig")
    tidy = dict(image)
    asked = tidy.pop("imageSize", None)
    if "aspectRatio" in tidy:
        sizes.checked_ratio(named.model, tidy["aspectRatio"], param="generationConfig.imageConfig.aspectRatio")
    if asked is not None:
        size = sizes.checked_size(named.model, asked, param="generationConfig.imageConfig.imageSize")
    else:
        size = named.size
    return {**tidy, "imageSize": size} if size is not None else tidy


def _pictures(document: dict[str, Any]) -> dict[str, Any]:
    """inlineData in the standard alphabet and with a mime type that exists."""
    if not any(_odd_picture(part["inlineData"]) for part in content_parts(document) if "inlineData" in part):
        return document
    contents = []
    for content in document["contents"]:
        inside = content.get("parts") if isinstance(content, dict) else None
        if isinstance(inside, list):
            contents.append({**content, "parts": [_tidy_part(part) for part in inside]})
        else:
            contents.append(content)
    return {**document, "contents": contents}


def _odd_picture(picture: object) -> bool:
    if not isinstance(picture, dict):
        return False
    data = picture.get("data")
    return picture.get("mimeType") == "image/jpg" or (isinstance(data, str) and not parts.is_canonical_base64(data))


def _tidy_part(part: Any) -> Any:
    picture = part.get("inlineData") if isinstance(part, dict) else None
    if not isinstance(picture, dict) or not _odd_picture(picture):
        return part
    tidy = dict(picture)
    if tidy.get("mimeType") == "image/jpg":
        tidy["mimeType"] = "image/jpeg"
    if isinstance(tidy.get("data"), str):
        tidy["data"] = parts.canonical_base64(tidy["data"])
    return {**part, "inlineData": tidy}
