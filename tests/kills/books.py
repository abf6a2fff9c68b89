"""The books after a crash beside the seller's bill: what is wrong with them, in words."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from gateway.ledger import layout


@dataclass(frozen=True)
class Books:
    """Every attempt that is on somebody's account: with what, how often, and whether that is known or feared."""

    charged: Counter[str]
    unsettled: Counter[str]
    nanos: dict[str, int]  # but of answers that broke off before they said what they had used
    held: int  # on the team's account
    open_calls: int
    drift: int

    @classmethod
    def of(cls, raw: Any) -> "Books":
        """`raw` is a client of the store that decodes what it reads."""
        charged, unsettled, nanos = Counter[str](), Counter[str](), dict[str, int]()
        held = spent = 0
        for _, row in raw.xrange(layout.ledger("acme")):
            held, spent = held + int(row["held"]), spent + int(row["spent"])
            if row["do"] == "settle":
                charged[row["attempt"]] += 1
                nanos[row["attempt"]] = int(row["spent"])
        for _, row in raw.xrange(layout.OPERATOR_LEDGER):
            if row["do"] != "operator":
                continue  # what was found out of one that is there already
            (unsettled if row["why"] == "unsettled" else charged)[row["attempt"]] += 1
            if row["basis"] != "estimate":
                nanos[row["attempt"]] = int(row["spent"])
        account = raw.hgetall(layout.account("acme"))
        drift = abs(held - int(account.get("held", 0))) + abs(spent - int(account.get("spent", 0)))
        return cls(charged, unsettled, nanos, held, raw.zcard(layout.open_calls("acme")), drift)


# So long is the part of an attempt's id that all pictures of a request have in common.
REQUEST = len("call_") + 32


def faults(books: Books, bill: list[dict[str, Any]], in_flight: int) -> list[str]:
    """What is wrong with the books, given the seller's bill and the requests that were in flight at the kills."""
    billed = {row["id"]: row["nanos"] for row in bill}
    both = books.charged + books.unsettled
    wrong = [f"{attempt} is on the bill and not in the books" for attempt in billed.keys() - both.keys()]
    wrong += [f"{attempt} is in the books {count} times" for attempt, count in both.items() if count > 1]
    wrong += [f"{attempt} is charged and not on the bill" for attempt in books.charged.keys() - billed.keys()]
    wrong += [
        f"{attempt} is {books.nanos[attempt]} in the books and {billed[attempt]} on the bill"
        for attempt in books.nanos.keys() & billed.keys()
        if books.nanos[attempt] != billed[attempt]
    ]
    if books.held or books.open_calls or books.drift:
        wrong.append(f"{books.held} held by {books.open_calls} open calls, drift {books.drift}")
    unsettled = {attempt[:REQUEST] for attempt in books.unsettled}
    if len(unsettled) > in_flight:
        wrong.append(f"{len(unsettled)} requests are unsettled; {in_flight} at most were in flight at the kills")
    return wrong
