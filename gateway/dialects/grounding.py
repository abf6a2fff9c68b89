"""What an answer found by searching, in the words of OpenAI's annotations.

The provider's own object goes out unchanged beside them: whoever shows the answer owes it its sources.
"""

from collections.abc import Iterator, Mapping
from typing import Any


def annotations(grounding: Mapping[str, Any], words: str) -> list[dict[str, Any]]:
    """A citation for every passage that rests on a page, and for every page that no passage names."""
    supports = list(_objects(grounding.get("groundingSupports")))
    cited: list[dict[str, Any]] = []
    for at, chunk in enumerate(_objects(grounding.get("groundingChunks"))):
        web = chunk.get("web")
        if not isinstance(web, Mapping) or not isinstance(web.get("uri"), str):
            continue
        passages = [_passage(support, words) for support in supports if _rests_on(support, at)]
        cited += [_citation(web, start, end) for start, end in passages or [(0, 0)]]
    return cited


def _citation(web: Mapping[str, Any], start: int, end: int) -> dict[str, Any]:
    title = str(web.get("title") or web.get("domain") or web["uri"])
    page = {"url": web["uri"], "title": title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": page}


def _rests_on(support: Mapping[str, Any], chunk: int) -> bool:
    indices = support.get("groundingChunkIndices")
    return isinstance(indices, list) and chunk in indices


def _passage(support: Mapping[str, Any], words: str) -> tuple[int, int]:
    """Found by its text: the provider counts bytes of a part, OpenAI characters of the whole."""
    segment = support.get("segment")
    text = segment.get("text") if isinstance(segment, Mapping) else None
    start = words.find(text) if isinstance(text, str) and text else -1
    return (start, start + len(text)) if start >= 0 and text else (0, 0)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """The rows of a list; one that is no object keeps its place, for others count on it."""
    for each in value if isinstance(value, list) else []:
        yield each if isinstance(each, Mapping) else {}
