"""The game over a real log: from the first card to the last, with a partner who drops, on real servers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from session_api_testing.house import House, Phone
from session_api_testing.playing import begun, handle, import_included, joined, play_of, question_of

from session_api.play.domain.commands import ReleaseWishes
from session_api.play.domain.decks import Place, deck_key, order
from session_api.play.importing import import_questions
from session_api.play.question_file import included_question_files, read_question_file
from session_api.presence.domain import GONE_LIES_BACK
from session_api.sessions.consumers import phone_commands
from session_api.sessions.handlers.follow_services import release_wishes
from session_api.sessions.log import Request
from twotop_common.contracts.pairing import PairingCancelled, PairingCodeReplaced
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.session_log import PhoneCommand, PhoneCommandBody
from twotop_common.service_day import service_day_end
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration


async def test_a_single_phone_plays_the_whole_deck_in_its_published_order(house: House) -> None:
    await import_included(house)
    phone = await house.start("single")
    shown = []
    while not (await play_of(phone))["finished"]:
        assert (await phone.command("request_next", {})).status_code == 201
        if (play := await play_of(phone))["question"] is not None:
            shown.append(play["question"]["question_id"])
    created = (await phone.log())[0]["data"]
    place = Place(UUID(created["location_id"]), UUID(created["table_id"]), date.fromisoformat(created["service_day"]))
    answer = await phone.client.get("/api/v1/question-sets/exploring")
    ids = [question["question_id"] for question in answer.json()["questions"]]
    assert shown == order(deck_key(place, "exploring", 1, 1), ids)
    assert sorted(shown) == sorted(ids)
    refused = await phone.command("request_next", {})
    assert (refused.status_code, refused.json()["reason"]) == (409, "deck_finished")


async def test_two_sessions_at_one_table_have_one_order_and_their_own_positions(house: House) -> None:
    await import_included(house)
    one, other = await house.start("single"), await house.start("single")
    for _ in range(3):
        await one.command("request_next", {})
    await other.command("request_next", {})
    assert (await question_of(one))[1] == 3
    assert (await question_of(other))[1] == 1
    first = next(event for event in await one.log() if event["type"] == "question_shown")
    assert first["data"]["question_id"] == (await question_of(other))[0]


async def test_the_next_question_comes_when_both_have_asked(house: House) -> None:
    await import_included(house)
    a, b = await begun(house)
    before = await question_of(a)
    asked = await a.command("request_next", {})
    assert [event["type"] for event in asked.json()["events"]] == ["next_requested"]
    assert await question_of(b) == before
    agreed = await b.command("request_next", {})
    assert [event["type"] for event in agreed.json()["events"]] == ["question_advanced", "question_shown"]
    assert (await question_of(a))[1] == 2


async def test_an_answer_not_yet_revealed_is_nowhere_on_the_other_phones_wire(house: House) -> None:
    await import_included(house)
    a, b = await begun(house)
    question_id, _ = await question_of(a)
    secret = "the boathouse by the reeds"
    while (await _kind(house, question_id)) != "open":
        await a.command("request_next", {})
        await b.command("request_next", {})
        question_id, _ = await question_of(a)
    seen, last = await b.get("/snapshot"), (await b.log())[-1]["seq"]
    polled = asyncio.create_task(b.get("/events", params={"cursor": last, "wait": 10}))
    given = await a.command("give_answer", {"question_id": question_id, "answer": secret}, key="given")
    assert given.status_code == 201
    assert secret not in given.text
    assert [event["type"] for event in (await polled).json()["events"]] == ["answer_given"]
    assert secret not in (await polled).text
    assert (await b.get("/snapshot", headers={"If-None-Match": seen.headers["etag"]})).status_code == 200
    unchanged = await b.get("/snapshot", headers={"If-None-Match": (await b.get("/snapshot")).headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert secret not in str(unchanged.headers)
    for rest in ("/snapshot", "/events"):
        assert secret not in (await b.get(rest)).text
    assert secret in (await a.get("/snapshot")).text
    conflict = await b.command("request_next", {}, expected_seq=1)
    assert conflict.status_code == 409
    assert secret not in conflict.text
    rejected = await _over_socket(house, b, "request_next", expected_seq=1)
    assert json.loads(rejected)["problem"]["code"] == "seq_conflict"
    assert secret not in rejected
    for phone, known in ((a, 409), (b, 201)):
        other = await phone.command("withdraw_next", {}, key="given")
        assert other.status_code == known
        assert secret not in other.text
    await b.command("give_answer", {"question_id": question_id, "answer": "no idea"})
    assert secret in (await b.get("/events")).text
    assert secret in (await b.get("/snapshot")).text


async def _over_socket(house: House, phone: Phone, name: str, **more: Any) -> str:
    """What a gateway is answered, and passes on to the phone: a problem goes out as it is, in a ``rejected`` frame."""
    command = PhoneCommand(
        session_id=phone.session_id,
        participant_id=phone.participant_id,
        generation=1,
        command_id=uuid4().hex,
        command=PhoneCommandBody(type=name),
        **more,
    )
    return (await phone_commands(house.deps, lambda: False)(command.model_dump_json().encode(), {})).decode()


async def test_a_new_partner_reads_no_answer_from_before_it_came_on_any_path(house: House) -> None:
    await import_included(house)
    a, b = await begun(house)
    question_id, _ = await question_of(a)
    while (await _kind(house, question_id)) != "open":
        await a.command("request_next", {})
        await b.command("request_next", {})
        question_id, _ = await question_of(a)
    secrets = ("under the third bridge", "at her grandmother's")
    for phone, answer in zip((a, b), secrets, strict=True):
        await phone.command("give_answer", {"question_id": question_id, "answer": answer})
    now = house.deps.now()
    await handle(
        house,
        PairingCodeReplaced(
            session_id=a.session_id, generation=2, expires_at=now + timedelta(minutes=9), replaced_at=now
        ),
    )
    newcomer = await joined(house, a, generation=2)
    paths = ("/events?cursor=0", "/events?cursor=0&wait=1", "/events?cursor=9&limit=500", "/snapshot")
    internal = f"/internal/sessions/{a.session_id}/events"
    texts = [(await newcomer.get(path)).raise_for_status().text for path in paths]
    texts.append((await newcomer.client.get(internal, headers=newcomer.headers)).raise_for_status().text)
    texts.append((await newcomer.command("set_ready", {"ready": True}, expected_seq=1)).text)
    texts.append(await _over_socket(house, newcomer, "request_next", expected_seq=1))
    assert not [text for text in texts if any(secret in text for secret in secrets)]
    (revealed,) = [event for event in await newcomer.log() if event["type"] == "answers_revealed"]
    assert revealed["data"] == {"question_id": question_id, "answers": []}
    (kept,) = [event for event in await a.log() if event["type"] == "answers_revealed"]
    assert {one["answer"] for one in kept["data"]["answers"]} == set(secrets)
    assert kept["seq"] == revealed["seq"]


@pytest.mark.parametrize("left_before", [True, False])
async def test_a_running_game_for_two_becomes_one_for_one_and_keeps_its_card(house: House, left_before: bool) -> None:
    await import_included(house)
    a, b = await begun(house)
    for phone in (a, b):
        await phone.command("request_next", {})
    card = await question_of(a)
    if left_before:
        await b.client.delete(b.path(f"/members/{b.participant_id}"), headers=b.headers)
    await handle(house, PairingCancelled(session_id=a.session_id, generation=1, cancelled_at=house.deps.now()))
    session = (await a.get()).json()
    assert (session["mode"], session["dual_status"]) == ("single", "none")
    assert await question_of(a) == card
    assert (await b.get("/snapshot")).status_code == 403
    assert (await a.command("request_next", {})).status_code == 201
    assert (await question_of(a))[1] == card[1] + 1


async def _kind(house: House, question_id: str) -> str:
    answer = await house.client.get("/api/v1/question-sets/exploring")
    kinds = {question["question_id"]: question["kind"] for question in answer.json()["questions"]}
    return str(kinds[question_id])


async def connect(house: House, phone: Phone, role: str = "B") -> None:
    """A socket opens, a moment after whatever the phone did before."""
    fields: dict[str, Any] = {"session_id": phone.session_id, "participant_id": phone.participant_id, "role": role}
    at = house.deps.now() + timedelta(milliseconds=1)
    await handle(house, ParticipantConnected(**fields, connected_at=at))


async def go(house: House, phone: Phone, role: str = "B") -> None:
    """The gateway says that the phone has had no socket for 20 s."""
    fields: dict[str, Any] = {"session_id": phone.session_id, "participant_id": phone.participant_id, "role": role}
    await handle(house, ParticipantGone(**fields, gone_at=house.deps.now() - GONE_LIES_BACK))


async def looked_at_again(house: House) -> None:
    """Every wish that can be released by now has been."""
    await house.deps.sightings.tick()
    await house.deps.waiting_wishes.tick(partial(release_wishes, house.deps))


async def wished(phone: Phone, name: str, data: dict[str, Any]) -> list[str]:
    """What comes of a wish whose partner is absent, the wish first."""
    asked = await phone.command(name, data)
    first = asked.json()["events"][0]["seq"]

    async def taken_effect() -> list[str]:
        types = [event["type"] for event in await phone.log() if event["seq"] >= first]
        return types if types[-1] == "question_shown" else []

    return await eventually(taken_effect)


async def test_a_waiting_wish_takes_effect_when_the_partner_has_been_away_for_twenty_seconds_and_not_before(
    still_house: House, clock: Clock
) -> None:
    """Also when it asked for something just before its socket opened, as the app does."""
    await import_included(still_house)
    a, b = await begun(still_house)
    await connect(still_house, a, "A")
    await b.get("/snapshot")
    await connect(still_house, b)
    await a.command("request_next", {})
    clock.advance(seconds=19)
    await looked_at_again(still_house)
    assert (await question_of(a))[1] == 1
    clock.advance(seconds=1)
    await go(still_house, b)

    async def moved_on() -> bool:
        return (await question_of(a))[1] == 2

    await eventually(moved_on)
    advanced = [event for event in await a.log() if event["type"] == "question_advanced"]
    assert [(event["by"], event["data"]["alone"]) for event in advanced] == [("system", True)]


async def test_being_ready_is_enough_once_the_partner_is_gone(still_house: House, clock: Clock) -> None:
    await import_included(still_house)
    a = await still_house.start()
    b = await joined(still_house, a)
    await connect(still_house, a, "A")
    await connect(still_house, b)
    await a.command("set_ready", {"ready": True})
    clock.advance(seconds=20)
    await looked_at_again(still_house)
    assert not (await play_of(a))["both_ready"]
    await go(still_house, b)

    async def begun_alone() -> bool:
        return bool((await play_of(a))["both_ready"])

    await eventually(begun_alone)
    assert (await question_of(a))[1] == 1


async def test_a_game_goes_on_at_once_with_whoever_is_ready_when_a_new_partner_is_gone(
    still_house: House, clock: Clock
) -> None:
    await import_included(still_house)
    a = await still_house.start()
    b = await joined(still_house, a)
    await connect(still_house, b)
    clock.advance(seconds=20)
    await go(still_house, b)
    assert await wished(a, "set_ready", {"ready": True}) == ["ready_changed", "both_ready", "question_shown"]


async def test_a_release_that_changes_nothing_does_not_stand_in_the_way_of_the_next(
    still_house: House, clock: Clock
) -> None:
    await import_included(still_house)
    a, b = await begun(still_house)
    await b.command("choose_context", {"context": "established"})
    await a.command("choose_context", {"context": "mature"})
    request = Request(
        session_id=a.session_id,
        key="release:1",
        body_hash=b"",
        command=ReleaseWishes(frozenset({b.participant_id})),
    )
    assert (await still_house.deps.log.execute(request)).events == ()
    other_way = replace(request, command=ReleaseWishes(frozenset({a.participant_id})))
    outcome = await still_house.deps.log.execute(other_way)
    assert [entry.type for entry in outcome.events] == ["context_chosen", "question_shown"]
    assert (await still_house.deps.log.execute(other_way)).replayed


async def test_a_wish_waits_in_the_log_until_it_is_settled(still_house: House) -> None:
    await import_included(still_house)
    a, b = await begun(still_house)

    async def awaited() -> object:
        return await still_house.deps.pool.fetchval(
            "SELECT awaited FROM session_heads WHERE session_id = $1", a.session_id
        )

    assert await awaited() is None
    await a.command("request_next", {})
    assert await awaited() == [b.participant_id]
    await b.command("start_afresh", {})
    assert await awaited() == sorted([a.participant_id, b.participant_id])
    await b.command("request_next", {})
    assert await awaited() is None
    await a.command("choose_context", {"context": "mature"})
    assert await awaited() is None
    await b.command("skip", {})
    assert await awaited() == [a.participant_id]
    await a.post("/close", json={})
    assert await awaited() is None


async def test_a_session_whose_wish_cannot_be_released_harms_no_other(still_house: House, clock: Clock) -> None:
    await import_included(still_house)
    broken, fine = await begun(still_house), await begun(still_house)
    for a, b in (broken, fine):
        await connect(still_house, b)
        await a.command("request_next", {})
    await still_house.deps.pool.execute(
        "UPDATE session_heads SET code_version = 0 WHERE session_id = $1", broken[0].session_id
    )
    await still_house.deps.pool.execute(
        "UPDATE session_events SET type = 'from_the_future' WHERE session_id = $1", broken[0].session_id
    )
    clock.advance(seconds=20)
    for _, b in (broken, fine):
        await go(still_house, b)

    async def moved_on() -> bool:
        return (await question_of(fine[0]))[1] == 2

    await eventually(moved_on)
    await looked_at_again(still_house)


async def test_a_new_wish_takes_effect_at_once_while_the_partner_is_gone_and_waits_when_it_is_back(
    still_house: House, clock: Clock
) -> None:
    await import_included(still_house)
    a, b = await begun(still_house)
    fields: dict[str, Any] = {"session_id": b.session_id, "participant_id": b.participant_id, "role": "B"}
    await handle(still_house, ParticipantConnected(**fields, connected_at=still_house.deps.now()))
    clock.advance(seconds=20)
    await handle(still_house, ParticipantGone(**fields, gone_at=still_house.deps.now()))
    assert await wished(a, "request_next", {}) == ["next_requested", "question_advanced", "question_shown"]
    clock.advance(seconds=1)
    await handle(still_house, ParticipantConnected(**fields, connected_at=still_house.deps.now()))
    asked = await a.command("request_next", {})
    assert [event["type"] for event in asked.json()["events"]] == ["next_requested"]


async def test_a_partner_never_heard_of_holds_nobody_up_once_it_has_had_its_place_for_thirty_seconds(
    still_house: House, clock: Clock
) -> None:
    await import_included(still_house)
    a = await still_house.start()
    await joined(still_house, a)
    await connect(still_house, a, "A")
    clock.advance(seconds=29)
    await a.command("set_ready", {"ready": True})
    await looked_at_again(still_house)
    assert not (await play_of(a))["both_ready"]
    clock.advance(seconds=1)
    await looked_at_again(still_house)
    assert (await question_of(a))[1] == 1
    # It need not be waited for again with each further wish.
    assert await wished(a, "request_next", {}) == ["next_requested", "question_advanced", "question_shown"]


async def test_a_polling_partner_counts_as_present_for_thirty_seconds(still_house: House, clock: Clock) -> None:
    await import_included(still_house)
    a, b = await begun(still_house)
    await b.get("/events")
    await a.command("request_next", {})

    async def noted() -> bool:
        sightings = await still_house.deps.pool.fetch("SELECT polled_at FROM sightings")
        return len(sightings) == 2

    await eventually(noted)
    clock.advance(seconds=4)
    await b.get("/events")
    clock.advance(seconds=29)
    await connect(still_house, a, "A")
    await looked_at_again(still_house)
    assert (await question_of(a))[1] == 1
    clock.advance(seconds=1)

    async def moved_on() -> bool:
        return (await question_of(a))[1] == 2

    await eventually(moved_on)


async def test_a_running_game_keeps_its_version_and_the_next_deck_has_the_newest(house: House) -> None:
    await import_included(house)
    phone = await house.start("single")
    await phone.command("request_next", {})
    file = read_question_file(included_question_files()[1])
    async with house.app.state.venues.sessions.begin() as session:
        await import_questions(session, file.model_copy(update={"version": 2}), house.deps.now())
    await house.app.state.play.shelf.refresh()
    await phone.command("request_next", {})
    assert (await play_of(phone))["question"]["set_version"] == 1
    later = await house.start("single")
    await later.command("request_next", {})
    assert (await play_of(later))["question"]["set_version"] == 2


async def test_a_session_keeps_its_deck_past_the_cut_over_and_a_new_one_gets_the_next_days(
    still_house: House, clock: Clock
) -> None:
    await import_included(still_house)
    clock.now = service_day_end(clock.now, "Europe/Berlin", 4) - timedelta(minutes=1)
    yesterday = await still_house.start("single")
    await yesterday.command("request_next", {})
    clock.advance(minutes=2)
    today = await still_house.start("single")
    for phone in (yesterday, today):
        for _ in range(2):
            await phone.command("request_next", {})
    days = []
    for phone in (yesterday, today):
        created, *after = await phone.log()
        shown = [event["data"]["question_id"] for event in after if event["type"] == "question_shown"]
        day = date.fromisoformat(created["data"]["service_day"])
        place = Place(UUID(created["data"]["location_id"]), UUID(created["data"]["table_id"]), day)
        ids = [question.id for question in read_question_file(included_question_files()[1]).questions]
        assert shown == order(deck_key(place, "exploring", 1, 1), ids)[: len(shown)]
        days.append(day)
    assert days[1] == days[0] + timedelta(days=1)


async def test_cards_are_counted_without_saying_which_or_whose(house: House) -> None:
    await import_included(house)
    phone = await house.start("single")
    for command in ("request_next", "request_next", "skip"):
        await phone.command(command, {})
    rows = await house.deps.pool.fetch("SELECT * FROM analytics_events ORDER BY id")
    assert [(row["kind"], row["reason"]) for row in rows] == [
        ("session_created", None),
        ("question_viewed", None),
        ("question_advanced", "next"),
        ("question_viewed", None),
        ("question_advanced", "skip"),
        ("question_viewed", None),
    ]
    shown = {event["data"]["question_id"] for event in await phone.log() if event["type"] == "question_shown"}
    known = {str(phone.session_id), str(phone.participant_id), *shown}
    assert not known & {str(value) for row in rows for value in row.values()}


async def test_without_questions_phones_pair_and_are_told_that_there_are_none(house: House) -> None:
    a, b = await begun(house)
    assert (await play_of(a))["both_ready"]
    refused = await b.command("request_next", {})
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_questions")
