"""The items of OpenAI's Responses API: those a caller sends, as native contents; those a caller is sent.

Nothing of an earlier response is kept here, so an item that only names one is refused with what to
do instead. It knows nothing of requests as a whole, nor of how an answer travels.
"""

from collections.abc import Mapping
from typing import Any

from gateway.core.errors import BadRequest
from gateway.dialects import parts
from gateway.dialects.grounding import annotations
from gateway.dialects.replies import Content

_SYSTEM = ("system", "developer")
_TEXT = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}

# What an answer may hold besides text and pictures; sent back, it tells these models nothing.
_IGNORED = ("reasoning", "web_search_call")

_SEND_WHOLE = (
    "Nothing of an earlier response is kept here: send its items whole, pictures with their `result` "
    "(Vercel AI SDK: set the provider option store to false)."
)


def contents_of(sent: object) -> tuple[list[str], list[dict[str, Any]]]:
    """System texts, and the turns as Gemini takes them: neighbours of one role merged."""
    if isinstance(sent, str) and sent.strip():
        return [], [{"role": "user", "parts": [{"text": sent}]}]
    if not isinstance(sent, list) or not sent:
        raise BadRequest(
            "input is missing: a text, or a list of messages, that says what is to be drawn.",
            param="input",
            code="missing_required_parameter",
        )
    system: list[str] = []
    contents: list[dict[str, Any]] = []
    for index, item in enumerate(sent):
        where = f"input[{index}]"
        role, pieces = _turn(item, where)
        if role in _SYSTEM:
            system += [part["text"] for part in pieces if "text" in part]
        else:
            _add(contents, role, pieces)
    if not contents:
        raise BadRequest("input holds no user message.", param="input")
    return system, contents


def _turn(item: object, where: str) -> tuple[str, list[dict[str, Any]]]:
    """Whose turn an item is, and its parts."""
    if not isinstance(item, dict):
        raise BadRequest(f"{where} must be an object.", param=where)
    kind = item.get("type") or ("message" if "role" in item else "item_reference")
    if kind == "message":
        role = {"assistant": "model"}.get(str(item.get("role", "user")), str(item.get("role", "user")))
        if role not in ("user", "model", *_SYSTEM):
            raise BadRequest(f"{where}.role must be user, assistant, system or developer.", param=f"{where}.role")
        return role, _parts(item.get("content"), f"{where}.content")
    if kind == "image_generation_call":
        return _drawn_before(item, where)
    if kind == "item_reference":
        raise BadRequest(f"{where} names an item by its id alone. {_SEND_WHOLE}", param=where)
    if kind in _IGNORED:
        return "user", []
    raise BadRequest(
        f"{where}: {kind!r} items are not supported; use message and image_generation_call.", param=f"{where}.type"
    )


def _drawn_before(item: dict[str, Any], where: str) -> tuple[str, list[dict[str, Any]]]:
    """An earlier picture. Without the signature it left with it goes back as the user's: a model's own needs one."""
    result = item.get("result")
    if not result and item.get("status") == "failed":
        return "user", []
    if not isinstance(result, str) or not result:
        raise BadRequest(f"{where} has no result. {_SEND_WHOLE}", param=f"{where}.result")
    uri = result if result.startswith("data:") else f"data:;base64,{result}"
    picture = _picture(uri, f"{where}.result")
    signature = _signature(item.get("extra_content"))
    if signature:
        return "model", [{**picture, "thoughtSignature": signature}]
    return "user", [{"text": "The picture you drew before:"}, picture]


def _signature(extra: object) -> str | None:
    google = extra.get("google") if isinstance(extra, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return signature if isinstance(signature, str) else None


def _parts(content: object, where: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"text": content}] if content else []
    if not isinstance(content, list):
        raise BadRequest(f"{where} must be a string or a list of parts.", param=where)
    pieces = (_part(part, f"{where}[{index}]") for index, part in enumerate(content))
    return [piece for piece in pieces if piece.get("text") != ""]


def _part(part: object, where: str) -> dict[str, Any]:
    kind = str(part.get("type")) if isinstance(part, dict) else None
    if isinstance(part, dict) and kind in _TEXT and isinstance(text := part.get(_TEXT[kind]), str):
        return {"text": text}
    if not isinstance(part, dict) or kind not in ("input_image", "image_url"):
        raise BadRequest(f"{where} must be an input_text, output_text or input_image part.", param=where)
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str):
        raise BadRequest(
            f"{where} needs an image_url with a data URI: data:image/png;base64,… ; a file_id is not known here.",
            param=where,
        )
    if url.startswith(("http://", "https://")):
        raise BadRequest(
            f"{where} is an address, and this gateway fetches none; send a data URI: data:image/png;base64,…",
            param=where,
        )
    return _picture(url, where)


def _picture(uri: str, where: str) -> dict[str, Any]:
    picture = parts.picture_of_data_uri(uri, param=where)
    return {"inlineData": {"mimeType": picture.mime, "data": picture.data}}


def _add(contents: list[dict[str, Any]], role: str, pieces: list[dict[str, Any]]) -> None:
    if not pieces:
        return
    if contents and contents[-1]["role"] == role:
        contents[-1]["parts"] += pieces
    else:
        contents.append({"role": role, "parts": pieces})


def being_drawn(call_id: str) -> dict[str, Any]:
    return {"type": "image_generation_call", "id": f"ig_{call_id}", "status": "in_progress", "result": None}


def not_drawn(call_id: str) -> dict[str, Any]:
    """How a picture that was announced ends when there is none. Vercel's client reads no null here."""
    return {**being_drawn(call_id), "status": "failed", "result": ""}


def drawn(call_id: str, content: Content, quality: str) -> dict[str, Any]:
    """The last picture of a reply: those before it are drafts. Its pixels are its own, not those asked for."""
    last = content.pictures[-1]
    head = parts.head_of(last.data)
    pixels = parts.pixels_of(head)
    item = {
        **being_drawn(call_id),
        "status": "completed",
        "background": "opaque",
        "output_format": (parts.mime_of(head) or last.mime).removeprefix("image/"),
        "quality": quality,
        "size": f"{pixels[0]}x{pixels[1]}" if pixels else None,
        "result": parts.canonical_base64(last.data),
    }
    if last.signature:
        item["extra_content"] = {"google": {"thought_signature": last.signature}}
    return item


def thought(call_id: str, text: str) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": f"rs_{call_id}", "status": "completed", "summary": summary}


def message(call_id: str, text: str, grounding: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is said besides the picture, with the pages it rests on."""
    said = {"type": "output_text", "text": text, "annotations": _citations(grounding, text), "logprobs": []}
    item = {
        "type": "message",
        "id": f"msg_{call_id}",
        "role": "assistant",
        "status": "completed",
        "content": [said],
    }
    return {**item, "grounding_metadata": grounding} if grounding else item


def _citations(grounding: Mapping[str, Any] | None, text: str) -> list[dict[str, Any]]:
    """Chat's citations, without the level that this API leaves out."""
    cited = annotations(grounding, text) if grounding else []
    return [{"type": each["type"], **each[each["type"]]} for each in cited]
