"""Every case is played over our transport and over httpx2's own, and on both loops."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx2
import pytest
import trustme
import uvloop

from gateway.upstream.transport import Transport
from tests.upstream.conformance.exchange import HTTPX2, OWN, Road


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA, tmp_path: Path) -> ssl.SSLContext:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return ssl.create_default_context(cafile=tmp_path / "ca.pem")


@pytest.fixture(params=[OWN, HTTPX2])
async def road(request: pytest.FixtureRequest, trust: ssl.SSLContext) -> AsyncIterator[Road]:
    async with _transport(request.param, trust) as transport:
        yield Road(request.param, transport)


def _transport(name: str, trust: ssl.SSLContext) -> httpx2.AsyncBaseTransport:
    if name == OWN:
        return Transport(trust)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=30.0)
    return httpx2.AsyncHTTPTransport(verify=trust, trust_env=False, limits=limits)
