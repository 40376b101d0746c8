"""A database restored to an earlier state: numbers are used again, and no phone takes new events for old ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import pair
from twotop_e2e.stack import Stack, private_stack

from twotop_common.testing.eventually import eventually

BACKUP = "session_api_backup"


@pytest.fixture(scope="module")
def restorable(state_folder: Path) -> Iterator[Stack]:
    """A system whose history nobody else needs."""
    with private_stack(state_folder / "restorable", gateways=2) as stack:
        yield stack


async def administer(stack: Stack, *statements: str) -> None:
    """Statements on the server while session-api is away."""
    connection = await asyncpg.connect(str(stack.run["backends"]["postgres"]["url"]))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def while_stopped(stack: Stack, *statements: str) -> None:
    """Stop session-api, change its database, start it again."""
    await asyncio.to_thread(stack.hold, "session-api")
    await administer(
        stack,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'session_api'",
        *statements,
    )
    await asyncio.to_thread(stack.release, "session-api")
    await stack.reachable("session-api")


@pytest.mark.timeout(240)
async def test_phones_resync_after_the_database_was_restored(restorable: Stack) -> None:
    a, b = await pair(restorable)
    async with a, b:
        await while_stopped(restorable, f"CREATE DATABASE {BACKUP} TEMPLATE session_api OWNER session_api")
        async with SocketFollower(a) as on_a, SocketFollower(b) as on_b:
            await on_a.until_type("partner_joined")
            for turn in range(6):
                await a.command("set_ready", {"ready": turn % 2 == 0})
            before = await a.events(0)
            head, epoch = before["next_cursor"], before["epoch"]
            await on_a.until_seq(head)
            await on_b.until_seq(head)
            old_tag = (await a.request("GET", f"/api/v1/sessions/{a.session_id}/snapshot")).headers["ETag"]

            await while_stopped(
                restorable,
                "DROP DATABASE session_api",
                f"ALTER DATABASE {BACKUP} RENAME TO session_api",
            )
            # The log goes on from the earlier state, with numbers that were used before for other events.
            for turn in range(8):
                await b.command("set_ready", {"ready": turn % 2 == 0})
            after = await a.events(0)
            assert after["epoch"] != epoch
            assert after["next_cursor"] >= head
            for follower in (on_a, on_b):
                await follower.until(lambda follower=follower: follower.resyncs, timeout_s=30, what="never resynced")
                await follower.until(
                    lambda follower=follower: follower.epoch == after["epoch"], timeout_s=30, what="kept its epoch"
                )

            async def same_everywhere() -> bool:
                snapshot = await a.snapshot()
                return all(follower.last_seq == snapshot["last_seq"] for follower in (on_a, on_b))

            await eventually(same_everywhere, timeout_s=15)
            fresh = await a.request(
                "GET", f"/api/v1/sessions/{a.session_id}/snapshot", headers={"If-None-Match": old_tag}
            )
            assert fresh.status_code == 200, "a tag of another history is no match"
            assert "event" in await on_b.command("set_ready", {"ready": True})
        # A phone that slept through it all, with numbers of the old history.
        async with SocketFollower(a, last_seq=head, epoch=epoch) as late:
            await late.until(lambda: late.resyncs, what="a late phone was not told")
        await a.close_session()
