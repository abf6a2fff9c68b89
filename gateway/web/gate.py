"""Who may come in to the admin API: whoever sends an admin key. What they then do is not its business."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import Scope

from gateway.core.events import AdminActed, AdminRefused, Observer
from gateway.core.trail import Action, Actor, Door, Lack
from gateway.web.problems import Problem

_SEND_IT = "Send the admin key as Authorization: Bearer <admin key>."

_REFUSALS = {
    Lack.SHUT: (403, "The admin API is shut: set admin.key in the configuration."),
    Lack.NO_KEY: (401, _SEND_IT),
    Lack.WRONG_KEY: (401, _SEND_IT),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """`admin_keys` are by the names of administrators; without any it is shut. `observe` hears who is refused, and what
    comes of those who are not.
    """

    admin_keys: Mapping[str, str] = field(repr=False)
    observe: Observer

    def admit(self, scope: Scope) -> None:
        """Raises `Problem` unless an admin key was sent."""
        given = Headers(scope=scope).get("authorization", "")
        if self._who(given) is None:
            lack = Lack.SHUT if not self.admin_keys else Lack.WRONG_KEY if given else Lack.NO_KEY
            self.observe(AdminRefused(lack, _address(scope)))
            raise Problem(*_REFUSALS[lack])

    def actor(self, request: Request) -> Actor:
        """Whoever was let in with this request."""
        who = self._who(request.headers.get("authorization", ""))
        assert who is not None  # it was let in

        def told(action: Action, subject: str) -> None:
            self.observe(AdminActed(who, Door.API, action, subject))

        return Actor(who, Door.API, told)

    def _who(self, authorization: str) -> str | None:
        """Every key is compared, so that time tells nothing of any."""
        scheme, _, given = authorization.partition(" ")
        keys = self.admin_keys.items()
        found = [name for name, key in keys if hmac.compare_digest(given.encode(), key.encode())]
        return found[0] if found and scheme.lower() == "bearer" else None


def _address(scope: Scope) -> str | None:
    """From where a request comes, None: that is not known. A proxy's header may say anything, and be that long."""
    host = (scope.get("client") or ("",))[0]
    try:
        return str(ip_address(host))
    except ValueError:
        return None
