"""The seller's price and capacity tiers, and the ways into them.

A Group is a price; a Lane is one address and one credential of a group. Here are only the facts
that decisions need; the credential itself and what is in flight stay with the upstream room.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Billing(StrEnum):
    """How the seller charges a key, in the words of its own key settings."""

    PAY_AS_YOU_GO = "pay-as-you-go"
    PAY_AS_YOU_GO_PRIORITY = "pay-as-you-go-priority"
    PAY_PER_REQUEST = "pay-per-request"
    PAY_PER_REQUEST_PRIORITY = "pay-per-request-priority"


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    multiplier: Fraction


@dataclass(frozen=True, slots=True)
class Lane:
    """One way upstream. `name` is unique and stays the same across reloads: counts are kept by it."""

    name: str
    group: Group
    url: str
    billing: Billing
