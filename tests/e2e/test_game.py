"""The game by API through the whole system: a whole deck with lost connections, absent partners, kept secrets."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from twotop_e2e.following import SocketFollower
from twotop_e2e.phone import Json, Phone, code_of, pair
from twotop_e2e.stack import Stack

from twotop_common.testing.proxy import proxied


async def both_ready(on_a: SocketFollower, on_b: SocketFollower) -> Json:
    """The first question, on both phones."""
    for follower in (on_a, on_b):
        assert "event" in await follower.command("set_ready", {"ready": True})
    shown = await on_a.until_type("question_shown")
    await on_b.until_type("question_shown")
    data: Json = shown["data"]
    return data


def shown_on(follower: SocketFollower) -> list[Json]:
    return [event["data"] for event in follower.seen if event["type"] == "question_shown"]


def shown_after(follower: SocketFollower, position: int) -> bool:
    return bool(shown_on(follower)[-1]["position"] > position)


async def test_a_whole_deck_on_two_phones_that_keep_losing_their_connections(stack: Stack) -> None:
    """Sixty questions and more: no card twice, none missed, the same on both phones, and then an explicit end."""
    chance = random.Random(7)

    def played(follower: SocketFollower, position: int) -> bool:
        return len(shown_on(follower)) > position or follower.seen[-1]["type"] == "deck_finished"

    a, b = await pair(stack)
    async with a, b, SocketFollower(a) as on_a, SocketFollower(b) as on_b:
        first = await both_ready(on_a, on_b)
        for position in range(1, first["size"] + 1):
            askers = [on_a, on_b]
            chance.shuffle(askers)
            for asker in askers:
                if chance.random() < 0.2:
                    await chance.choice(askers).drop()
                await asker.command(chance.choice(["request_next", "skip"]))
            for follower in (on_a, on_b):
                await follower.until(partial(played, follower, position), what=f"nothing after question {position}")
        assert len(on_a.hellos) + len(on_b.hellos) > 4
        for follower in (on_a, on_b):
            assert not follower.broken
            assert [shown["position"] for shown in shown_on(follower)] == list(range(1, first["size"] + 1))
            assert len({shown["question_id"] for shown in shown_on(follower)}) == first["size"] >= 60
        assert on_a.seen[-1]["type"] == on_b.seen[-1]["type"] == "deck_finished"
        await a.close_session()


async def test_an_answer_waits_for_the_others_and_is_on_no_wire_before(stack: Stack) -> None:
    a, b = await pair(stack)
    secret = "behind the third lighthouse"
    async with a, b, SocketFollower(a) as on_a, SocketFollower(b) as on_b:
        question = await both_ready(on_a, on_b)
        questions = await a.question_set(question)
        while questions[question["question_id"]]["kind"] != "open":
            for follower in (on_a, on_b):
                await follower.command("request_next")
            await on_a.until(partial(shown_after, on_a, question["position"]), what="the next question")
            question = shown_on(on_a)[-1]
        await on_a.command("give_answer", {"question_id": question["question_id"], "answer": secret})
        await on_b.until_type("answer_given")
        for seen in (on_b.seen, await b.snapshot(), await b.events()):
            assert secret not in json.dumps(seen)
        assert secret in json.dumps(await a.snapshot())
        await on_b.command("give_answer", {"question_id": question["question_id"], "answer": "no idea"})
        revealed = await on_b.until_type("answers_revealed")
        assert secret in json.dumps(revealed)
        await a.close_session()


async def test_a_partner_who_is_gone_for_twenty_seconds_holds_nobody_up(stack: Stack) -> None:
    a, b = await pair(stack)
    async with a, b, SocketFollower(a) as on_a:
        async with SocketFollower(b) as on_b:
            await both_ready(on_a, on_b)
            await on_a.command("request_next")
            await on_b.until_type("next_requested")
        lost_at = time.monotonic()
        advanced = await on_a.until(
            lambda: next((e for e in on_a.seen if e["type"] == "question_advanced"), None),
            timeout_s=45,
            what="the waiting wish never took effect",
        )
        assert 19.5 < time.monotonic() - lost_at < 23
        assert (advanced["by"], advanced["data"]["alone"]) == ("system", True)
        await on_a.command("request_next")
        await on_a.until(lambda: len(shown_on(on_a)) == 3, what="a new wish had to wait")
        async with SocketFollower(b) as back:
            await back.until(lambda: len(shown_on(back)) == 3, what="the one who came back did not catch up")
        await a.close_session()


async def test_a_partner_whose_phone_vanished_without_a_word_holds_nobody_up_for_longer(stack: Stack) -> None:
    """Nothing passes either way any more, and no connection is closed: flight mode, or a screen that went dark."""
    a, b = await pair(stack)
    async with proxied(stack.origin) as tunnel, a, b, SocketFollower(a) as on_a:
        async with SocketFollower(b, through=tunnel.url) as on_b:
            heard_after = time.monotonic()
            await both_ready(on_a, on_b)
            tunnel.freeze()
            vanished_at = time.monotonic()
            await on_a.command("request_next")
            away = await on_a.until(
                lambda: on_a.presence[b.participant_id] == "away" and time.monotonic(),
                timeout_s=20,
                what="nobody missed the phone",
            )
            advanced = await on_a.until_type("question_advanced", timeout_s=45)
        assert away - vanished_at >= 5
        assert advanced["data"]["alone"]
        advanced_at = on_a.seen_at[advanced["seq"]]
        assert advanced_at - heard_after >= 20
        assert advanced_at - vanished_at <= 23
        await a.close_session()


async def asks_while(phone: Phone, done: Callable[[], Awaitable[bool] | bool], *, what: str) -> float:
    """One request after another, as a phone that only polls makes them, until done. When the last one was made."""
    deadline = time.monotonic() + 60
    while True:
        asked_at = time.monotonic()
        await phone.events(10_000)
        found = done()
        if found if isinstance(found, bool) else await found:
            return asked_at
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.5)


@pytest.mark.timeout(240)
async def test_a_partner_that_only_polls_is_there_until_thirty_seconds_after_its_last_request(stack: Stack) -> None:
    """Whatever it is that A looks at: what its phone shows, what pairing lets it do, what the game waits for."""
    a, b = await pair(stack)
    joined_at = time.monotonic()
    async with a, b, SocketFollower(a) as on_a:

        async def refused_for_longer_than_joining_counts() -> bool:
            answer = await a.request("DELETE", f"/api/v1/sessions/{a.session_id}/pairing-code")
            assert code_of(answer) == "already_paired", answer.text
            return time.monotonic() - joined_at > 33

        await asks_while(b, lambda: on_a.presence.get(b.participant_id) == "online", what="nobody sees B")
        for phone in (a, b):
            await phone.command("set_ready", {"ready": True})
        last_asked_at = await asks_while(b, refused_for_longer_than_joining_counts, what="refused for no time at all")
        assert on_a.presence[b.participant_id] == "online"
        await on_a.command("request_next")
        advanced = await on_a.until_type("question_advanced", timeout_s=45)
        assert advanced["data"]["alone"]
        assert 29 < on_a.seen_at[advanced["seq"]] - last_asked_at < 36
        await on_a.until(lambda: on_a.presence[b.participant_id] == "gone", timeout_s=10, what="B is never gone")
        assert time.monotonic() - last_asked_at > 29
        await until_allowed_alone(a)
        await a.close_session()


async def until_allowed_alone(phone: Phone) -> None:
    async with asyncio.timeout(10):
        while True:
            answer = await phone.request("DELETE", f"/api/v1/sessions/{phone.session_id}/pairing-code")
            if answer.status_code == 204:
                return
            assert code_of(answer) == "already_paired", answer.text
            await asyncio.sleep(0.3)


async def test_two_sessions_at_one_table_play_the_same_deck_without_disturbing_each_other(stack: Stack) -> None:
    table = stack.fresh_table()
    async with Phone(stack) as one, Phone(stack) as other:
        for phone in (one, other):
            await phone.start(table, mode="single", context="established")
        for _ in range(4):
            await one.command("request_next")
        await other.command("request_next")
        shown = [
            [event["data"] for event in (await phone.events())["events"] if event["type"] == "question_shown"]
            for phone in (one, other)
        ]
        assert shown[0][0] == shown[1][0]
        assert [len(questions) for questions in shown] == [4, 1]
        for phone in (one, other):
            await phone.close_session()
