"""Device A: another code, going alone, upgrading, inviting again for an absent B."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pairing_testing.house import CODE_LIFE, Instance, Seated, Table, code_of, open_instance, seat, wrong_codes

from pairing.domain import WRONG_TRIES_PER_CODE, Pairing
from pairing.handlers import follow_facts
from pairing.handlers.invite import go_on_alone, replace_code
from pairing.handlers.keep_house import keep_house
from pairing.handlers.redeem import redeem
from pairing.queries import pairings
from pairing.schemas import Invitation
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
)
from twotop_common.contracts.realtime_gateway import ParticipantConnected, ParticipantGone
from twotop_common.contracts.session_api import (
    Mode,
    ParticipantLeft,
    ParticipantPolling,
    ParticipantRenewed,
    SessionCreated,
)
from twotop_common.hashed_codes import KeyRing
from twotop_common.testing.fakes import Clock

pytestmark = pytest.mark.integration
KEY = "a-key-of-22-characters"


def _secret(join_url: str) -> str:
    return join_url.partition("#join=")[2]


async def _gone(instance: Instance, seated: Seated, partner: UUID, **later: float) -> None:
    at = instance.clock() + timedelta(**later)
    await instance.hear(
        follow_facts.take_in_gone, ParticipantGone(session_id=seated.id, participant_id=partner, role="B", gone_at=at)
    )


async def _connected(instance: Instance, seated: Seated, partner: UUID, **later: float) -> None:
    at = instance.clock() + timedelta(**later)
    fact = ParticipantConnected(session_id=seated.id, participant_id=partner, role="B", connected_at=at)
    await instance.hear(follow_facts.take_in_connected, fact)


async def _polled(instance: Instance, seated: Seated, partner: UUID, **later: float) -> None:
    at = instance.clock() + timedelta(**later)
    fact = ParticipantPolling(session_id=seated.id, participant_id=partner, polled_at=at)
    await instance.hear(follow_facts.take_in_polling, fact)


async def _left(instance: Instance, seated: Seated, partner: UUID) -> None:
    fact = ParticipantLeft(session_id=seated.id, seq=5, participant_id=partner, role="B")
    await instance.hear(follow_facts.take_in_leaving, fact)


async def test_an_expired_code_is_replaced_and_the_old_one_stays_known_as_expired(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    instance.clock.now += CODE_LIFE
    assert await instance.expire(seated)
    assert not await instance.expire(seated)
    invitation = await instance.new_code(seated)
    assert invitation.expires_at == instance.clock() + CODE_LIFE
    assert invitation.join_url.startswith(f"https://twotop.example/t/{seated.table_token}#join={seated.id}.")
    assert invitation.code != seated.code
    assert await code_of(instance.join(seated.table_token, seated.code)) == "code_expired"
    assert await code_of(instance.join_by_link(seated.table_token, seated.join_secret)) == "code_expired"
    joined = await instance.join(seated.table_token, invitation.code)
    assert await instance.published() == [
        PairingExpired(session_id=seated.id, generation=1, expired_at=instance.clock()),
        PairingCodeReplaced(
            session_id=seated.id, generation=2, expires_at=invitation.expires_at, replaced_at=instance.clock()
        ),
        PairingMatched(
            session_id=seated.id,
            generation=2,
            participant_id=joined.participant.participant_id,
            credential_generation=1,
            matched_at=instance.clock(),
        ),
    ]


@pytest.mark.parametrize("mode", ["dual", "single"])
async def test_a_further_code_lives_as_long_as_codes_live_at_its_location(instance: Instance, mode: Mode) -> None:
    life = timedelta(seconds=90)
    seated = await instance.seat(Table.new(), mode=mode, code_life=life)
    other = await instance.seat(Table.new(), mode=mode)
    assert (await instance.new_code(seated)).expires_at == instance.clock() + life
    assert (await instance.new_code(other)).expires_at == instance.clock() + CODE_LIFE


async def test_a_sender_that_does_not_tell_how_long_codes_live_means_ten_minutes(instance: Instance) -> None:
    seated = seat(Table.new(), instance.clock(), code_life=timedelta(seconds=90))
    untold = SessionCreated.model_validate(seated.fact.model_dump(exclude={"code_life_s"}))
    await instance.hear(follow_facts.take_in_session, untold, instance.clock())
    assert (await instance.new_code(seated)).expires_at == instance.clock() + timedelta(minutes=10)


async def test_a_code_expires_at_exactly_its_instant_and_only_its_own_generation(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    instance.clock.now += CODE_LIFE - timedelta(microseconds=1)
    assert not await instance.expire(seated)
    assert await instance.published() == []
    instance.clock.advance(microseconds=1)
    assert not await instance.expire(seated, generation=2)
    assert await instance.expire(seated)
    await instance.new_code(seated)
    assert not await instance.expire(seated)
    assert (await instance.row(seated))["status"] == "waiting"


async def test_expiry_of_the_unknown_the_paired_and_the_ended_does_nothing(instance: Instance) -> None:
    unknown = seat(Table.new(), instance.clock())
    paired, ended = await instance.seat(Table.new()), await instance.seat(Table.new())
    await instance.join(paired.table_token, paired.code)
    await instance.end(ended)
    instance.clock.now += CODE_LIFE
    for seated in (unknown, paired, ended):
        assert not await instance.expire(seated)


async def test_a_waiting_code_may_be_replaced_and_dies_at_once(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    second = await instance.new_code(seated)
    third = await instance.new_code(seated)
    assert await code_of(instance.join(seated.table_token, seated.code)) == "code_expired"
    assert await code_of(instance.join_by_link(seated.table_token, _secret(second.join_url))) == "code_expired"
    await instance.join_by_link(seated.table_token, _secret(third.join_url))


async def test_a_repeated_request_gives_the_same_code_for_ten_minutes(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    first = await instance.new_code(seated, key=KEY)
    instance.clock.now += timedelta(minutes=10, microseconds=-1)
    assert await instance.new_code(seated, key=KEY) == first
    other = await instance.seat(Table.new())
    assert await instance.new_code(other, key=KEY) != first
    instance.clock.advance(microseconds=1)
    assert await instance.new_code(seated, key=KEY) != first
    assert (await instance.row(seated))["generation"] == 3


async def test_a_repeat_after_a_rotation_of_keys_gives_the_same_code_while_the_key_lives(database_url: str) -> None:
    old, new = "old:" + "A" * 43 + "=", "new:" + "B" * 42 + "A="
    clock = Clock()
    async with open_instance(database_url, clock, ring=KeyRing.parse(old)) as before:
        seated = await before.seat(Table.new())
        first = await before.new_code(seated, key=KEY)
        joining = await before.seat(Table.new())
        joined = await before.join(joining.table_token, joining.code, key=KEY)
    async with open_instance(database_url, clock, ring=KeyRing.parse(f"{new},{old}")) as after:
        assert await after.new_code(seated, key=KEY) == first
        assert await after.join(joining.table_token, joining.code, key=KEY) == joined
        assert await code_of(after.join(joining.table_token, "BCDFGH", key=KEY)) == "idempotency_mismatch"


async def test_going_alone_ends_the_waiting_and_may_be_repeated(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    await instance.alone(seated)
    await instance.alone(seated)
    assert await instance.published() == [
        PairingCancelled(session_id=seated.id, generation=1, cancelled_at=instance.clock())
    ]
    assert await code_of(instance.join(seated.table_token, seated.code)) == "code_expired"
    # And back again.
    invitation = await instance.new_code(seated)
    await instance.join(seated.table_token, invitation.code)
    assert await code_of(instance.alone(seated)) == "already_paired"


async def test_a_single_session_is_upgraded_and_a_group_is_not(instance: Instance) -> None:
    single = await instance.seat(Table.new(), mode="single")
    await instance.alone(single)
    assert await instance.published() == []
    assert await code_of(instance.join_by_link(single.table_token, single.join_secret)) == "code_invalid"
    invitation = await instance.new_code(single)
    joined = await instance.join(single.table_token, invitation.code)
    assert joined.session.mode == "dual"
    group = await instance.seat(Table.new(), mode="group")
    assert await code_of(instance.new_code(group)) == "not_allowed"


async def test_a_pair_invites_again_only_when_b_is_gone_or_has_left(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    first = (await instance.join(seated.table_token, seated.code)).participant.participant_id
    assert await code_of(instance.new_code(seated)) == "already_paired"
    await _gone(instance, seated, seated.fact.participant_id, seconds=1)
    assert await code_of(instance.new_code(seated)) == "already_paired"
    await _gone(instance, seated, first, seconds=2)
    await _connected(instance, seated, first, seconds=3)
    # Late and out of order: the newest news stands.
    await _gone(instance, seated, first, seconds=2)
    assert await code_of(instance.new_code(seated)) == "already_paired"
    await _gone(instance, seated, first, seconds=4)
    again = await instance.new_code(seated)
    second = (await instance.join(seated.table_token, again.code)).participant.participant_id
    assert second != first
    # News of the first partner says nothing about the second.
    await _left(instance, seated, first)
    assert await code_of(instance.new_code(seated)) == "already_paired"
    await _left(instance, seated, second)
    await _connected(instance, seated, second, seconds=9)
    third = await instance.new_code(seated)
    await instance.join_by_link(seated.table_token, _secret(third.join_url))
    assert (await instance.row(seated))["generation"] == 3


async def test_a_goes_on_alone_once_b_has_left_or_is_gone_and_not_while_it_is_back(instance: Instance) -> None:
    for away in (_left, _gone):
        seated = await instance.seat(Table.new())
        partner = (await instance.join(seated.table_token, seated.code)).participant.participant_id
        await _connected(instance, seated, partner)
        assert await code_of(instance.alone(seated)) == "already_paired"
        await _gone(instance, seated, partner, seconds=1)
        await _connected(instance, seated, partner, seconds=2)
        assert await code_of(instance.alone(seated)) == "already_paired"
        instance.clock.advance(seconds=3)
        await away(instance, seated, partner)
        await instance.alone(seated)
        await instance.alone(seated)
        assert (await instance.row(seated))["status"] == "cancelled"
        assert await code_of(instance.join(seated.table_token, seated.code)) == "code_expired"
        # And back again.
        invitation = await instance.new_code(seated)
        await instance.join(seated.table_token, invitation.code)
    cancelled = await instance.published(PairingCancelled)
    assert [fact.model_dump()["generation"] for fact in cancelled] == [1, 1]


@pytest.mark.parametrize("act", [Instance.new_code, Instance.alone])
async def test_a_partner_whose_socket_was_never_heard_of_counts_as_away_after_thirty_seconds(
    instance: Instance, act: Callable[[Instance, Seated], Awaitable[object]]
) -> None:
    dead, there = await instance.seat(Table.new()), await instance.seat(Table.new())
    for seated in (dead, there):
        await instance.join(seated.table_token, seated.code)
    instance.clock.advance(seconds=29)
    assert await code_of(act(instance, dead)) == "already_paired"
    await _connected(instance, there, (await instance.row(there))["partner_id"])
    instance.clock.advance(seconds=1)
    assert await code_of(act(instance, there)) == "already_paired"
    assert await code_of(act(instance, dead)) == "ok"


@pytest.mark.parametrize("act", [Instance.new_code, Instance.alone])
async def test_a_partner_that_only_polls_is_here_until_thirty_seconds_after_its_last_request(
    instance: Instance, act: Callable[[Instance, Seated], Awaitable[object]]
) -> None:
    never_had_a_socket, lost_its_socket = await instance.seat(Table.new()), await instance.seat(Table.new())
    for seated in (never_had_a_socket, lost_its_socket):
        await instance.join(seated.table_token, seated.code)
    await _connected(instance, lost_its_socket, (await instance.row(lost_its_socket))["partner_id"])
    instance.clock.advance(seconds=60)
    for seated in (never_had_a_socket, lost_its_socket):
        partner = (await instance.row(seated))["partner_id"]
        await _polled(instance, seated, partner)
        # Late and out of order: the newest request counts. Nor does that of A.
        await _polled(instance, seated, partner, seconds=-20)
        await _polled(instance, seated, seated.fact.participant_id, seconds=40)
        await _gone(instance, seated, partner, seconds=-10)
    instance.clock.advance(seconds=29)
    for seated in (never_had_a_socket, lost_its_socket):
        assert await code_of(act(instance, seated)) == "already_paired"
    instance.clock.advance(seconds=1)
    for seated in (never_had_a_socket, lost_its_socket):
        assert await code_of(act(instance, seated)) == "ok"


async def test_a_code_is_not_redeemed_while_b_polls_and_is_when_it_has_left(instance: Instance) -> None:
    seated, partner, invitation = await _invited_again(instance)
    async with instance.database.sessions() as session:
        seen = await pairings.find_pairing(session, seated.id)
    assert isinstance(seen, Pairing)
    offer = seen.offer()
    assert offer is not None
    await _polled(instance, seated, partner)
    assert await instance.hear(redeem, offer, None, instance.clock()) is None
    assert not await instance.hear(pairings.cancel, seen)
    assert await code_of(instance.join(seated.table_token, invitation.code)) == "already_paired"
    await _left(instance, seated, partner)
    # A late word of it does not bring it back.
    await _polled(instance, seated, partner, seconds=1)
    newcomer = (await instance.join(seated.table_token, invitation.code)).participant.participant_id
    assert newcomer != partner
    # Nor does it say anything of the one who has its place now.
    await _polled(instance, seated, partner, seconds=60)
    await _gone(instance, seated, newcomer, seconds=1)
    assert await code_of(instance.alone(seated)) == "ok"


async def _invited_again(instance: Instance) -> tuple[Seated, UUID, Invitation]:
    """A pair whose B was gone when A asked for another code, and the code."""
    seated = await instance.seat(Table.new())
    partner = (await instance.join(seated.table_token, seated.code)).participant.participant_id
    await _gone(instance, seated, partner, seconds=1)
    return seated, partner, await instance.new_code(seated)


async def test_a_partner_who_comes_back_after_a_new_invitation_keeps_its_place_and_loses_it_when_gone_again(
    instance: Instance,
) -> None:
    seated, partner, invitation = await _invited_again(instance)
    await _connected(instance, seated, partner, seconds=2)
    assert await code_of(instance.join(seated.table_token, invitation.code)) == "already_paired"
    link = instance.join_by_link(seated.table_token, _secret(invitation.join_url))
    assert await code_of(link) == "already_paired"
    assert await code_of(instance.new_code(seated)) == "already_paired"
    assert await code_of(instance.alone(seated)) == "already_paired"
    await _gone(instance, seated, partner, seconds=3)
    newcomer = (await instance.join(seated.table_token, invitation.code)).participant.participant_id
    assert newcomer != partner
    # Another has the place now: news of the first says nothing any more.
    await _gone(instance, seated, partner, seconds=4)
    assert await code_of(instance.alone(seated)) == "already_paired"


async def test_a_partner_who_came_back_stays_protected_when_the_invitation_ends_unused(instance: Instance) -> None:
    ran_out, withdrawn = await _invited_again(instance), await _invited_again(instance)
    for seated, partner, _ in (ran_out, withdrawn):
        await _connected(instance, seated, partner, seconds=2)
    wrong = iter(wrong_codes(withdrawn[2].code))
    for _ in range(WRONG_TRIES_PER_CODE):
        assert await code_of(instance.join(withdrawn[0].table_token, next(wrong))) == "code_invalid"
    instance.clock.now += CODE_LIFE
    assert await instance.expire(ran_out[0], generation=2)
    for (seated, partner, _), status in ((ran_out, "expired"), (withdrawn, "withdrawn")):
        assert (await instance.row(seated))["status"] == status
        assert await code_of(instance.alone(seated)) == "already_paired"
        assert await code_of(instance.new_code(seated)) == "already_paired"
        await _left(instance, seated, partner)
        await instance.alone(seated)
        # It is off the roster: a late word of it does not bring it back.
        await _connected(instance, seated, partner, minutes=20)
        await instance.new_code(seated)


async def test_a_code_is_not_redeemed_when_b_comes_back_in_the_very_moment(instance: Instance) -> None:
    seated, partner, _ = await _invited_again(instance)
    async with instance.database.sessions() as session:
        seen = await pairings.find_pairing(session, seated.id)
    assert isinstance(seen, Pairing)
    offer = seen.offer()
    assert offer is not None
    assert offer.is_open(instance.clock())
    await _connected(instance, seated, partner, seconds=2)
    assert await instance.hear(redeem, offer, None, instance.clock()) is None
    assert (await instance.row(seated))["partner_id"] == partner


async def test_a_partner_never_heard_of_is_invited_again_for_and_replaced(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    partner = (await instance.join(seated.table_token, seated.code)).participant.participant_id
    instance.clock.advance(seconds=30)
    invitation = await instance.new_code(seated)
    newcomer = (await instance.join(seated.table_token, invitation.code)).participant.participant_id
    assert newcomer != partner


async def test_a_partner_that_comes_in_the_very_moment_keeps_its_place(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    partner = (await instance.join(seated.table_token, seated.code)).participant.participant_id
    instance.clock.advance(seconds=30)
    async with instance.database.sessions() as session:
        seen = await pairings.find_pairing(session, seated.id)
    assert isinstance(seen, Pairing)
    await _connected(instance, seated, partner)
    assert not await instance.hear(pairings.cancel, seen)
    assert (await instance.row(seated))["status"] == "paired"


async def test_only_the_present_credential_of_a_is_admitted(instance: Instance) -> None:
    seated, other = await instance.seat(Table.new()), await instance.seat(Table.new())
    around = instance.around
    for claims, session_id, code in (
        (replace(seated.claims, role="B"), seated.id, "not_allowed"),
        (other.claims, seated.id, "not_a_participant"),
        (replace(seated.claims, participant_id=uuid4()), seated.id, "not_a_participant"),
    ):
        assert await code_of(replace_code(around, claims, session_id, None)) == code
        assert await code_of(go_on_alone(around, claims, session_id)) == code
    # A renewal may be heard of before the session is.
    late = seat(Table.new(), instance.clock())
    for renewed, generation in ((seated, 2), (late, 3), (late, 2)):
        fact = ParticipantRenewed(
            session_id=renewed.id, seq=4, participant_id=renewed.fact.participant_id, generation=generation
        )
        await instance.hear(follow_facts.take_in_renewal, fact)
    await instance.hear(follow_facts.take_in_session, late.fact, instance.clock())
    for renewed, generation in ((seated, 2), (late, 3)):
        stale = replace(renewed.claims, generation=generation - 1)
        assert await code_of(replace_code(around, stale, renewed.id, None)) == "credential_invalid"
        await replace_code(around, replace(renewed.claims, generation=generation), renewed.id, None)


async def test_a_session_not_heard_of_yet_is_waited_for_and_then_unavailable(instance: Instance) -> None:
    unknown = seat(Table.new(), instance.clock())
    assert await code_of(instance.new_code(unknown)) == "unavailable"
    assert await code_of(instance.alone(unknown)) == "unavailable"


async def test_while_the_outbox_is_too_full_nothing_new_is_begun(instance: Instance) -> None:
    seated = await instance.seat(Table.new())
    instance.refusing = True
    assert await code_of(instance.join(seated.table_token, seated.code)) == "unavailable"
    assert await code_of(instance.new_code(seated)) == "unavailable"
    assert await code_of(instance.alone(seated)) == "unavailable"
    assert await instance.published() == []


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("state", "code"), [("closed", "session_closed"), ("expired", "session_expired")])
async def test_an_ended_session_has_no_codes(instance: Instance, known: bool, state: str, code: str) -> None:
    seated = await instance.seat(Table.new()) if known else seat(Table.new(), instance.clock())
    await instance.end(seated, state)
    assert await code_of(instance.new_code(seated)) == code
    assert await code_of(instance.alone(seated)) == code


async def test_what_is_old_is_removed_and_what_is_not_stays(instance: Instance) -> None:
    table = Table.new()
    ended, live, paired = [await instance.seat(table) for _ in range(3)]
    await instance.new_code(ended, key=KEY)
    await instance.join(table.token, paired.code, key=KEY)
    await instance.end(ended)
    assert await code_of(instance.join(table.token, "BCDFGH")) == "code_invalid"
    house = instance.database.sessions
    instance.clock.now += timedelta(minutes=10, microseconds=-1)
    await keep_house(house, instance.clock())
    assert len(await instance.rows("SELECT 1 FROM answers")) == 2
    instance.clock.advance(microseconds=1)
    await keep_house(house, instance.clock())
    assert await instance.rows("SELECT 1 FROM answers") == []
    assert len(await instance.rows("SELECT 1 FROM pairings")) == 3
    instance.clock.now += timedelta(hours=71)
    await keep_house(house, instance.clock())
    # The live ones' credentials ran out at 48 h, and a day has passed since.
    instance.clock.advance(hours=1)
    await keep_house(house, instance.clock())
    for table_name in ("pairings", "former_codes", "guards"):
        expected = [{"n": 1}] if table_name == "guards" else [{"n": 0}]
        assert await instance.rows(f"SELECT count(*) AS n FROM {table_name}") == expected
    instance.clock.advance(days=2)
    await keep_house(house, instance.clock())
    assert await instance.rows("SELECT 1 FROM guards") == []
    assert live.id != ended.id
