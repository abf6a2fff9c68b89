"""The partners that the journeys of calls have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.core.board import HealthBoard
from gateway.core.events import Observer
from gateway.core.outage import Slices
from gateway.core.stakes import Stakes
from gateway.ledger.allowances import Allowances
from gateway.ledger.budget import Books
from gateway.ledger.claims import Claims
from gateway.ledger.outbox import Outbox
from gateway.ledger.signatures import Signatures
from gateway.relay.obstacle import Obstacle
from gateway.relay.supervisor import Supervisor
from gateway.upstream.client import Client, Timeouts
from gateway.vault.results import Results
from gateway.vault.spools import Spools


@dataclass(frozen=True, slots=True)
class Rooms:
    """`obstacles` are those that drills have put before groups, by the group's name; then `board` and `stakes` are of
    these drills alone.
    """

    books: Books
    outbox: Outbox
    slices: Slices
    signatures: Signatures
    claims: Claims
    spools: Spools
    results: Results
    client: Client
    board: HealthBoard
    stakes: Stakes
    allowances: Allowances
    timeouts: Timeouts
    supervisor: Supervisor
    observe: Observer
    now: Callable[[], float]
    settle_s: float  # for how long an answer waits for the books
    obstacles: Mapping[str, Obstacle] = field(default_factory=dict)
