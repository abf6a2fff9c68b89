"""What the model signed earlier answers with, remembered for callers whose format loses it.

A signature is found by the digest of what it signs, by its own team alone. It is worth nothing by
itself and may be gone at any time: the books never wait for it, and what is large is not kept.
"""

from collections.abc import Collection, Mapping

from gateway.ledger import layout
from gateway.ledger.store import Store

# The store has the books in its memory: a few kilobytes a picture are welcome there, not more.
_LONGEST = 64 * 1024


class Signatures:
    """Keeps each for `keep_s` seconds after it was last seen; 0: remembers nothing."""

    def __init__(self, store: Store, *, keep_s: float) -> None:
        self._store = store
        self._keep_s = keep_s

    async def remember(self, team: str, signatures: Mapping[str, str]) -> None:
        """Takes note of signatures by digest; raises `BooksAway`."""
        texts = {
            layout.signature(team, digest): signature
            for digest, signature in signatures.items()
            if len(signature) <= _LONGEST
        }
        if texts and self._keep_s:
            await self._store.keep(texts, for_s=self._keep_s)

    async def recall(self, team: str, digests: Collection[str]) -> dict[str, str]:
        """Those of the signatures that are known, by digest; raises `BooksAway`."""
        if not digests or not self._keep_s:
            return {}
        keys = [layout.signature(team, digest) for digest in digests]
        found = await self._store.kept(keys, for_s=self._keep_s)
        return {digest: text for digest, text in zip(digests, found, strict=True) if text is not None}
