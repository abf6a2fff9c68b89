"""What a start can fail with: the store cannot be used as it is.

Read by an operator at a terminal, so each is one line that says what is wrong and what to set. What
callers are told while the gateway runs is in `core.errors`.
"""


class StoreError(Exception):
    """The store, or what the books need beside it, is not fit to start with."""
