"""The story by API: two phones meet at a table and are ready, with sockets, by polling, and by the join link."""

from __future__ import annotations

import asyncio

import pytest
from twotop_e2e.following import PollingFollower, SocketFollower
from twotop_e2e.phone import Phone, code_of, new_key, pair
from twotop_e2e.stack import Stack

STORY = ["session_created", "partner_joined", "ready_changed", "ready_changed", "both_ready", "question_shown"]


def types(follower: SocketFollower | PollingFollower) -> list[str]:
    return [event["type"] for event in follower.seen]


async def test_two_phones_on_sockets_see_each_other_and_are_both_ready(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        async with SocketFollower(a) as on_a:
            await on_a.until_type("session_created")
            await b.join(table, code=a.code)
            async with SocketFollower(b) as on_b:
                joined = await on_a.until_type("partner_joined")
                assert joined["data"]["participant_id"] == b.participant_id
                await on_a.until(lambda: on_a.presence.get(b.participant_id) == "online", what="B never online")
                assert "event" in await on_a.command("set_ready", {"ready": True})
                await on_b.until_type("ready_changed")
                assert "event" in await on_b.command("set_ready", {"ready": True})
                for follower in (on_a, on_b):
                    await follower.until_type("question_shown")
                    assert types(follower) == STORY
                    assert not follower.broken
        assert (await a.snapshot())["last_seq"] == len(STORY)
        await a.close_session()


async def test_two_polling_phones_play_the_same_story(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        async with PollingFollower(a) as on_a:
            # As a guest types it: lower case, with a space.
            await b.join(table, code=a.code.lower().replace("-", " "))
            async with PollingFollower(b, snapshot_first=True) as on_b:
                await on_a.until_type("partner_joined")
                await on_b.until(lambda: on_b.first_snapshot, what="no snapshot")
                await a.command("set_ready", {"ready": True})
                await on_b.until_type("ready_changed")
                await b.command("set_ready", {"ready": True})
                await on_a.until_type("question_shown")
                await on_b.until_type("question_shown")
                assert types(on_a) == STORY
                assert on_b.first_snapshot is not None
                assert [event["seq"] for event in on_b.seen] == list(
                    range(on_b.first_snapshot["last_seq"] + 1, len(STORY) + 1)
                )
                assert not on_a.broken
                assert not on_b.broken
        await a.close_session()


async def test_a_socket_and_a_polling_phone_share_one_session(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b, SocketFollower(a) as on_a, PollingFollower(b) as on_b:
        await b.command("set_ready", {"ready": True})
        await on_a.until_type("ready_changed")
        await on_a.command("set_ready", {"ready": True})
        await on_b.until_type("question_shown")
        assert types(on_b) == STORY
        await a.close_session()
        closed = await on_b.until_type("session_closed")
        assert closed["data"]["reason"]
        await on_a.until(lambda: on_a.ended, what="the socket of an ended session stays")
        assert on_a.closes[-1] == 4410


async def test_the_join_link_pairs_without_typing(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as a, Phone(stack) as b:
        await a.start(table, context="exploring")
        assert a.join_url.startswith(f"{stack.origin}/t/{table}#join=")
        await b.join(table, join_secret=a.join_secret)
        assert b.session_id == a.session_id
        await a.close_session()


async def test_a_code_works_once(stack: Stack) -> None:
    a, b = await pair(stack)
    table = stack.fresh_table()
    async with a, b, Phone(stack) as third:
        token = (await a.session())["table_id"]
        assert token
        answer = await third.try_join(table, code=a.code)
        assert (answer.status_code, code_of(answer)) == (404, "code_invalid"), "another table's code says nothing"
        await a.close_session()


async def test_the_first_answer_is_given_again_to_a_repeat(stack: Stack) -> None:
    table = stack.fresh_table()
    start_key, join_key = new_key(), new_key()
    async with Phone(stack) as a, Phone(stack) as b:
        first = await a.try_start(table, key=start_key, context="exploring")
        again = await a.try_start(table, key=start_key, context="exploring")
        assert first.status_code == again.status_code == 201
        for field in ("session_id",):
            assert first.json()["session"][field] == again.json()["session"][field]
        assert first.json()["pairing"]["code"] == again.json()["pairing"]["code"]
        assert first.json()["participant"]["participant_id"] == again.json()["participant"]["participant_id"]
        code = first.json()["pairing"]["code"]
        joined = await b.try_join(table, key=join_key, code=code)
        rejoined = await b.try_join(table, key=join_key, code=code)
        assert joined.status_code == rejoined.status_code == 200, rejoined.text
        assert joined.json()["participant"]["participant_id"] == rejoined.json()["participant"]["participant_id"]
        other = await b.try_join(table, code=code)
        assert (other.status_code, code_of(other)) == (409, "already_paired")


async def test_the_same_command_over_socket_and_http_has_one_effect(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b, SocketFollower(a) as on_a:
        await on_a.until_type("partner_joined")
        by_http, by_socket = await asyncio.gather(
            a.command("set_ready", {"ready": True}, key="one-command"),
            on_a.command("set_ready", {"ready": True}, command_id="one-command"),
        )
        assert "rejected" not in by_socket
        assert [event["type"] for event in await a.all_events()].count("ready_changed") == 1
        assert by_http["event_seq"] == 3
        await a.close_session()


@pytest.mark.parametrize(
    ("command", "data", "status", "code"),
    [
        ("juggle", {}, 422, "unknown_command"),
        ("choose_context", {"context": "nonsense"}, 422, "invalid_field"),
        ("request_next", {}, 409, "not_allowed"),
    ],
)
async def test_errors_are_the_same_over_socket_and_http(
    stack: Stack, command: str, data: dict[str, object], status: int, code: str
) -> None:
    a, b = await pair(stack)
    async with a, b, SocketFollower(a) as on_a:
        by_http = await a.try_command(command, data)
        by_socket = (await on_a.command(command, data))["rejected"]["problem"]
        assert (by_http.status_code, code_of(by_http)) == (status, code)
        assert (by_socket["status"], by_socket["code"]) == (status, code)
        await a.close_session()
