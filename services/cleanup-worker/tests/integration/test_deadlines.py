"""Deadlines on a real database: what is due at the exact edges, what is claimed once, what is forgotten."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
import pytest_asyncio
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from cleanup_worker.domain import ASK_AGAIN_AFTER, Fact, PairingSettled
from cleanup_worker.handlers import Asked, ask_owners, forget_old, take_in, take_in_flag
from cleanup_worker.queries import claim_due
from cleanup_worker.tables import DeadlineRow
from twotop_common.contracts.pairing import (
    PairingCancelled,
    PairingCodeReplaced,
    PairingExpired,
    PairingMatched,
    PairingWithdrawn,
)
from twotop_common.contracts.session_api import (
    DeadlineSet,
    FlagChanged,
    PairingOffer,
    SessionCreated,
    SessionEnded,
    TablePlace,
)
from twotop_common.messaging.outbox import OutboxRow
from twotop_common.service_defaults.database import open_database_at
from twotop_common.service_defaults.feature_flags import FlagRow
from twotop_common.testing.backends import ServiceDatabase

pytestmark = pytest.mark.integration
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
KEEP = timedelta(hours=24)
Sessions = async_sessionmaker[AsyncSession]


def created(session_id: UUID, *, due_at: datetime, code_expires_at: datetime | None = None) -> SessionCreated:
    """A session began; dual when a code's expiry is given."""
    offer = PairingOffer(generation=1, code_hash="k:00", expires_at=code_expires_at) if code_expires_at else None
    return SessionCreated(
        session_id=session_id,
        seq=1,
        mode="dual" if offer else "single",
        place=TablePlace(
            location_id=uuid4(), table_id=uuid4(), table_token="t", timezone="Europe/Berlin", day_starts_at_hour=4
        ),
        participant_id=uuid4(),
        role="A",
        generation=1,
        pairing=offer,
        due_at=due_at,
        credential_expires_at=due_at,
    )


def deadline(session_id: UUID, *, seq: int, due_at: datetime) -> DeadlineSet:
    """The owner set the session's next limit."""
    return DeadlineSet(session_id=session_id, seq=seq, due_at=due_at)


def ended(session_id: UUID, *, seq: int = 9, at: datetime = NOON) -> SessionEnded:
    """The session is over."""
    return SessionEnded(session_id=session_id, seq=seq, state="closed", reason="guest", ended_at=at)


@pytest_asyncio.fixture
async def sessions(service_database: ServiceDatabase) -> AsyncIterator[Sessions]:
    async with open_database_at(await service_database("cleanup_worker")) as database:
        yield database.sessions


async def hear(sessions: Sessions, *facts: Fact, now: datetime = NOON) -> list[datetime | None]:
    return [await take_in(sessions, fact, uuid4(), now=now, keep=KEEP) for fact in facts]


async def ask(sessions: Sessions, now: datetime, batch: int = 100) -> Asked:
    return await ask_owners(sessions, now=now, batch=batch)


async def commands(sessions: Sessions) -> list[tuple[str, dict[str, object]]]:
    async with sessions() as session:
        rows = (await session.scalars(select(OutboxRow).order_by(text("position")))).all()
    return [(row.type, orjson.loads(row.body)["data"]) for row in rows]


async def stored(sessions: Sessions) -> Sequence[DeadlineRow]:
    async with sessions() as session:
        return (await session.scalars(select(DeadlineRow).order_by(text("session_id, kind")))).all()


def wire(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_a_session_is_asked_about_at_its_instant_and_not_a_microsecond_before(sessions: Sessions) -> None:
    session_id = uuid4()
    assert await hear(sessions, created(session_id, due_at=NOON)) == [NOON]

    early = await ask(sessions, NOON - TICK)
    assert (early.commands, early.fires_at) == (0, NOON)
    on_time = await ask(sessions, NOON)
    assert (on_time.commands, on_time.fires_at) == (1, NOON + ASK_AGAIN_AFTER)
    assert await commands(sessions) == [
        ("twotop.session.expire.v1", {"session_id": str(session_id), "due_at": wire(NOON)})
    ]


async def test_a_pairing_code_is_asked_about_with_its_generation(sessions: Sessions) -> None:
    session_id = uuid4()
    later = NOON + timedelta(minutes=5)
    await hear(
        sessions,
        created(session_id, due_at=NOON + timedelta(hours=1), code_expires_at=NOON),
        PairingCodeReplaced(session_id=session_id, generation=2, expires_at=later, replaced_at=NOON),
    )
    assert (await ask(sessions, later - TICK)).commands == 0
    assert (await ask(sessions, later)).commands == 1
    assert await commands(sessions) == [
        ("twotop.pairing.expire.v1", {"session_id": str(session_id), "generation": 2, "due_at": wire(later)})
    ]


async def test_a_silent_owner_is_asked_again_every_thirty_seconds(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    await hear(sessions, created(uuid4(), due_at=NOON))
    now = NOON
    for _ in range(5):
        assert (await ask(sessions, now)).commands == 1
        assert (await ask(sessions, now + ASK_AGAIN_AFTER - TICK)).commands == 0
        now += ASK_AGAIN_AFTER
    assert len({str(command) for command in await commands(sessions)}) == 1
    assert [row.asked for row in await stored(sessions)] == [5]


async def test_an_owner_that_answers_with_a_later_deadline_is_asked_then(sessions: Sessions) -> None:
    session_id = uuid4()
    later = NOON + timedelta(minutes=30)
    await hear(sessions, created(session_id, due_at=NOON))
    await ask(sessions, NOON)
    assert await hear(sessions, deadline(session_id, seq=1, due_at=later)) == [later]
    assert (await ask(sessions, later - TICK)).commands == 0
    assert (await ask(sessions, later)).commands == 1


async def test_an_owner_whose_clock_is_behind_is_asked_again_within_a_second(sessions: Sessions) -> None:
    session_id = uuid4()
    await hear(sessions, created(session_id, due_at=NOON))
    await ask(sessions, NOON)
    await hear(sessions, deadline(session_id, seq=1, due_at=NOON), now=NOON)
    assert (await ask(sessions, NOON + timedelta(seconds=1))).commands == 1


@pytest.mark.parametrize("settled", [PairingMatched, PairingWithdrawn, PairingExpired, PairingCancelled])
async def test_a_settled_code_is_not_asked_about(sessions: Sessions, settled: type[PairingSettled]) -> None:
    session_id = uuid4()
    moments = {name: NOON for name in settled.model_fields if name.endswith("_at")}
    fact = settled.model_validate(
        {"session_id": session_id, "generation": 1, "participant_id": uuid4(), "credential_generation": 1, **moments}
    )
    await hear(sessions, fact, created(session_id, due_at=NOON + timedelta(days=1), code_expires_at=NOON))
    assert (await ask(sessions, NOON)).commands == 0


async def test_an_end_clears_everything_and_nothing_late_revives_it(sessions: Sessions) -> None:
    session_id = uuid4()
    await hear(
        sessions,
        created(session_id, due_at=NOON, code_expires_at=NOON),
        ended(session_id),
        deadline(session_id, seq=12, due_at=NOON),
        PairingCodeReplaced(session_id=session_id, generation=2, expires_at=NOON, replaced_at=NOON),
    )
    assert (await ask(sessions, NOON + timedelta(days=9))) == Asked(commands=0, more=False, fires_at=None)


async def test_any_order_of_arrival_leaves_the_same_deadlines(sessions: Sessions) -> None:
    def story(session_id: UUID) -> list[Fact]:
        return [
            created(session_id, due_at=NOON, code_expires_at=NOON),
            PairingCodeReplaced(session_id=session_id, generation=2, expires_at=NOON + TICK, replaced_at=NOON),
            PairingExpired(session_id=session_id, generation=1, expired_at=NOON),
            deadline(session_id, seq=4, due_at=NOON + timedelta(minutes=5)),
        ]

    for order in itertools.permutations(range(4)):
        session_id = uuid4()
        facts = story(session_id)
        await hear(sessions, *(facts[number] for number in order))
    rows = await stored(sessions)
    assert {(row.kind, row.position, row.due_at, row.fires_at) for row in rows} == {
        ("pairing", 2, NOON + TICK, NOON + TICK),
        ("session", 4, NOON + timedelta(minutes=5), NOON + timedelta(minutes=5)),
    }


async def test_a_fact_delivered_twice_counts_once(sessions: Sessions) -> None:
    fact, message_id = created(uuid4(), due_at=NOON), uuid4()
    assert await take_in(sessions, fact, message_id, now=NOON, keep=KEEP) == NOON
    assert await take_in(sessions, fact, message_id, now=NOON, keep=KEEP) is None


async def test_facts_about_one_subject_at_once_do_not_deadlock(sessions: Sessions) -> None:
    session_id = uuid4()
    facts: list[Fact] = [created(session_id, due_at=NOON, code_expires_at=NOON), ended(session_id)]
    # As many at once as there are connections: who waits for one proves nothing about locks.
    for _ in range(5):
        await asyncio.gather(*(hear(sessions, fact) for fact in facts * 4))
    assert [row.forget_at for row in await stored(sessions)] == [NOON + KEEP] * 2


async def test_several_workers_at_once_ask_about_each_deadline_once(sessions: Sessions) -> None:
    ids = [uuid4() for _ in range(120)]
    await hear(sessions, *(created(session_id, due_at=NOON) for session_id in ids))

    async def work() -> int:
        total = 0
        while asked := (await ask(sessions, NOON, batch=7)).commands:
            total += asked
        return total

    counts = await asyncio.gather(*(work() for _ in range(6)))
    assert sum(counts) == len(ids)
    assert sorted(str(data["session_id"]) for _, data in await commands(sessions)) == sorted(map(str, ids))


async def test_a_worker_that_dies_before_its_commit_has_asked_nobody(sessions: Sessions) -> None:
    await hear(sessions, created(uuid4(), due_at=NOON))
    claimed = asyncio.Event()

    async def die() -> None:
        async with sessions() as session, session.begin():
            assert len(await claim_due(session, NOON, 10)) == 1
            claimed.set()
            await asyncio.Event().wait()

    dying = asyncio.create_task(die())
    await claimed.wait()
    assert (await ask(sessions, NOON)).commands == 0, "what another worker holds is left to it"
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert (await ask(sessions, NOON)).commands == 1, "a dead worker's deadlines are taken over"


async def test_a_full_batch_says_that_more_may_be_due(sessions: Sessions) -> None:
    await hear(sessions, *(created(uuid4(), due_at=NOON) for _ in range(3)))
    assert (await ask(sessions, NOON, batch=2)).more
    assert not (await ask(sessions, NOON, batch=2)).more


async def test_tombstones_are_forgotten_at_their_time_and_deadlines_are_not(sessions: Sessions) -> None:
    await hear(sessions, ended(uuid4()), created(uuid4(), due_at=NOON))
    assert await forget_old(sessions, now=NOON + KEEP - TICK, keep=KEEP) == 0
    assert await forget_old(sessions, now=NOON + KEEP, keep=KEEP) == 2
    assert [row.due_at for row in await stored(sessions)] == [NOON]


async def test_more_tombstones_than_one_batch_go_in_one_run(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cleanup_worker.handlers.FORGET_BATCH", 2)
    await hear(sessions, *(ended(uuid4()) for _ in range(3)))
    assert await forget_old(sessions, now=NOON + KEEP, keep=KEEP) == 6


async def test_the_newest_version_of_a_flag_is_kept(sessions: Sessions) -> None:
    for version in (2, 1):
        flag = FlagChanged(name="DUAL_PAIRING_CODE_ENABLED", enabled=version == 1, version=version)
        await take_in_flag(sessions, flag, uuid4())
    async with sessions() as session:
        row = (await session.scalars(select(FlagRow))).one()
    assert (row.enabled, row.version) == (False, 2)


async def test_looking_for_what_is_due_reads_an_index_not_the_table(sessions: Sessions) -> None:
    async with sessions() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO deadlines (session_id, kind, position, due_at, fires_at, asked)"
                " SELECT gen_random_uuid(), 'session', 1, at, at, 0 FROM (SELECT now() + n * interval '1 second' AS at"
                " FROM generate_series(1, 20000) AS n) AS moments"
            )
        )
        await session.execute(text("ANALYZE deadlines"))
        for query in (
            "SELECT min(fires_at) FROM deadlines",
            "SELECT session_id FROM deadlines WHERE fires_at <= now() ORDER BY fires_at LIMIT 500",
        ):
            plan = "\n".join((await session.scalars(text(f"EXPLAIN {query}"))).all())
            assert "deadlines_firing" in plan, plan
            assert "Seq Scan" not in plan, plan
