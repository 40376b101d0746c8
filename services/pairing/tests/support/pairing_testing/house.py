"""A restaurant with tables: sessions come into being as pairing hears of them, phones join, messages are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import text

from pairing.handlers import follow_facts
from pairing.handlers.expire import expire_code
from pairing.handlers.invite import go_on_alone, replace_code
from pairing.handlers.join_dual import join_dual
from pairing.handlers.surroundings import Surroundings
from pairing.schemas import Invitation, JoinDual, Joined
from pairing.settings import PairingSettings
from twotop_common.contracts.cleanup_worker import ExpirePairing
from twotop_common.contracts.envelope import Contract
from twotop_common.contracts.registry import REGISTRY
from twotop_common.contracts.session_api import Mode, PairingOffer, SessionCreated, SessionEnded, TablePlace
from twotop_common.credentials import CredentialSigner, ParticipantClaims
from twotop_common.hashed_codes import ALPHABET, KeyRing, derive_code, derive_join_secret, hash_code
from twotop_common.service_defaults.database import Database, open_database_at
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED, FeatureFlags
from twotop_common.service_defaults.problems import Problem
from twotop_common.testing.fakes import Clock

CODE_LIFE = timedelta(minutes=10)
SETTINGS = PairingSettings(environment="test")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the restaurant."""

    place: TablePlace

    @classmethod
    def new(cls, timezone: str = "Europe/Berlin", day_starts_at_hour: int = 4) -> Table:
        return cls(
            TablePlace(
                location_id=uuid4(),
                location_slug="the-corner",
                table_id=uuid4(),
                table_token=uuid4().hex,
                timezone=timezone,
                day_starts_at_hour=day_starts_at_hour,
            )
        )

    @property
    def token(self) -> str:
        return self.place.table_token


@dataclass(frozen=True, slots=True)
class Seated:
    """A session with its device A, and what its guest reads on the screen."""

    fact: SessionCreated
    code: str
    join_secret: str
    claims: ParticipantClaims
    credential: str

    @property
    def id(self) -> UUID:
        return self.fact.session_id

    @property
    def table_token(self) -> str:
        return self.fact.place.table_token


def seat(
    table: Table,
    now: datetime,
    *,
    mode: Mode = "dual",
    ring: KeyRing = SETTINGS.key_ring,
    signer: CredentialSigner = SETTINGS.credential_signer,
    code: str | None = None,
    code_life: timedelta = CODE_LIFE,
) -> Seated:
    """A new session as session-api makes it. ``code`` replaces the derived one, to make two sessions collide."""
    session_id, participant_id = uuid4(), uuid4()
    expires_at = (now + timedelta(hours=48)).replace(microsecond=0)
    code = code or derive_code(ring, ring.current_id, session_id, 1)
    offer = PairingOffer(
        generation=1,
        code_hash=hash_code(ring, f"pairing-code:{table.place.table_id}", code),
        expires_at=now + code_life,
    )
    claims = ParticipantClaims(session_id, participant_id, "A", 1, now.replace(microsecond=0), expires_at)
    return Seated(
        SessionCreated(
            session_id=session_id,
            seq=1,
            mode=mode,
            place=table.place,
            participant_id=participant_id,
            role="A",
            generation=1,
            pairing=offer if mode == "dual" else None,
            due_at=now + timedelta(minutes=30),
            credential_expires_at=expires_at,
            code_life_s=int(code_life.total_seconds()),
        ),
        code,
        f"{session_id}.{derive_join_secret(ring, ring.current_id, session_id, 1)}",
        claims,
        signer.issue(claims),
    )


def wrong_codes(*right: str) -> list[str]:
    """Codes that are none of these, as many as any test needs."""
    codes = (f"{a}{b}{c}{d}ZZ" for a in ALPHABET for b in ALPHABET for c in ALPHABET for d in ALPHABET[:2])
    return [code for code in codes if code not in right]


@dataclass(slots=True)
class Instance:
    """One instance of pairing on the house's database, without HTTP and broker. ``behind_s`` is its view's lag."""

    database: Database
    clock: Clock
    ring: KeyRing = SETTINGS.key_ring
    behind_s: float = 0.0
    refusing: bool = False
    woken: int = 0
    around: Surroundings = field(init=False)

    def __post_init__(self) -> None:
        self.around = Surroundings(
            sessions=self.database.sessions,
            key_ring=self.ring,
            signer=SETTINGS.credential_signer,
            verifier=SETTINGS.credential_verifier,
            flags=FeatureFlags(self.database.sessions, {DUAL_PAIRING_CODE_ENABLED: True}),
            now=self.clock,
            behind_s=lambda: self.behind_s,
            refusing=lambda: self.refusing,
            wake=self._wake,
            public_origin="https://twotop.example",
        )

    def _wake(self) -> None:
        self.woken += 1

    async def join(
        self,
        table_token: str,
        code: str,
        *,
        key: str | None = None,
        location: str | None = None,
        leaving: str | None = None,
    ) -> Joined:
        request = JoinDual.model_validate(
            {"table_token": table_token, "code": code, "location_id": location, "leaving_credential": leaving}
        )
        return await join_dual(self.around, request, key)

    async def join_by_link(
        self,
        table_token: str,
        join_secret: str,
        *,
        key: str | None = None,
        location: str | None = None,
        leaving: str | None = None,
    ) -> Joined:
        request = JoinDual.model_validate(
            {
                "table_token": table_token,
                "join_secret": join_secret,
                "restaurant_id": location,
                "leaving_credential": leaving,
            }
        )
        return await join_dual(self.around, request, key)

    async def new_code(self, seated: Seated, *, key: str | None = None) -> Invitation:
        return await replace_code(self.around, seated.claims, seated.id, key)

    async def alone(self, seated: Seated) -> None:
        await go_on_alone(self.around, seated.claims, seated.id)

    async def hear(self, take_in: Callable[..., Any], *arguments: Any) -> Any:
        """One of ``follow_facts`` in a transaction of its own."""
        async with self.database.sessions() as session, session.begin():
            return await take_in(session, *arguments)

    async def seat(
        self, table: Table, *, mode: Mode = "dual", code: str | None = None, code_life: timedelta = CODE_LIFE
    ) -> Seated:
        seated = seat(table, self.clock(), mode=mode, ring=self.ring, code=code, code_life=code_life)
        await self.hear(follow_facts.take_in_session, seated.fact, self.clock())
        return seated

    async def end(self, seated: Seated, state: str = "closed") -> None:
        fact = SessionEnded.model_validate(
            {"session_id": seated.id, "seq": 9, "state": state, "reason": "guest", "ended_at": self.clock()}
        )
        await self.hear(follow_facts.take_in_end, fact)

    async def expire(self, seated: Seated, generation: int = 1) -> bool:
        command = ExpirePairing(session_id=seated.id, generation=generation, due_at=self.clock())
        expired: bool = await self.hear(expire_code, command, self.clock())
        return expired

    async def published(self, *kinds: type[Contract]) -> list[Contract]:
        """Messages in the outbox, oldest first."""
        rows = await self.rows("SELECT body FROM outbox ORDER BY position")
        messages: list[Contract] = []
        for row in rows:
            envelope = orjson.loads(row["body"])
            messages.append(REGISTRY.by_name(envelope["type"]).body.model_validate(envelope["data"]))
        return [message for message in messages if not kinds or isinstance(message, kinds)]

    async def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        async with self.database.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query), parameters)).mappings()]

    async def write(self, statement: str, **parameters: Any) -> None:
        async with self.database.engine.begin() as connection:
            await connection.execute(text(statement), parameters)

    async def row(self, seated: Seated) -> dict[str, Any]:
        (row,) = await self.rows("SELECT * FROM pairings WHERE session_id = :id", id=seated.id)
        return row

    async def wrong_tries(self) -> int:
        """Counted against tables, over all days."""
        (row,) = await self.rows("SELECT coalesce(sum(wrong_tries), 0)::int AS tries FROM guards")
        return int(row["tries"])


async def code_of(attempt: Any) -> str:
    """The problem's code of an awaited call, or ``ok``."""
    try:
        await attempt
    except Problem as problem:
        return problem.code
    return "ok"


@asynccontextmanager
async def open_instance(
    database_url: str, clock: Clock | None = None, *, ring: KeyRing = SETTINGS.key_ring
) -> AsyncIterator[Instance]:
    """An instance of pairing on this database. Several on one database share nothing else."""
    async with open_database_at(database_url) as database:
        yield Instance(database, clock or Clock(datetime(2026, 3, 14, 18, 0, tzinfo=UTC)), ring)
