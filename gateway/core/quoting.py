"""Names of others, as parts of lines that are cut at bars and commas."""

from functools import lru_cache
from urllib.parse import quote


@lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """What `urllib.parse.unquote` makes the name of again, and what people can read all the same."""
    return quote(name, safe=" ./:")
