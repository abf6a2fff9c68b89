"""One gateway for all tests of a file, and clients of it: one without a credential, one with the admin key."""

from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio

from tests.house import ADMIN_KEY, START_S, Gateway, Simulator, open_gateway

# Small, so that a test can pass it.
BODY_BYTES = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with open_gateway(simulator, tmp_path_factory.mktemp("web"), limits={"body_bytes": BODY_BYTES}) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stranger(shared: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the shared gateway that sends no key of itself."""
    async with httpx2.AsyncClient(base_url=shared.url, timeout=START_S, trust_env=False) as http:
        yield http


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the admin key."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx2.AsyncClient(base_url=shared.url, headers=headers, timeout=START_S, trust_env=False) as http:
        yield http
