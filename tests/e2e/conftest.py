"""Systems to test against: one for most tests, with limits lifted; others start what they need themselves."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser
from twotop_e2e.guest import chromium
from twotop_e2e.stack import Stack, given_stack, private_stack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the whole system."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """A folder for the state of private stacks, reachable for servers that run as users of their own."""
    with tempfile.TemporaryDirectory(prefix="twotop-e2e-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def stack(state_folder: Path) -> Iterator[Stack]:
    """The system that TWOTOP_E2E_RUN_JSON names, or a private one with two gateways and limits lifted."""
    given = os.environ.get("TWOTOP_E2E_RUN_JSON")
    if given:
        yield given_stack(Path(given))
        return
    with private_stack(state_folder / "main", gateways=2) as started:
        yield started


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium, for guests with contexts of their own."""
    async with chromium() as started:
        yield started
