"""The life of a socket: authentication, admission, recovery, frames, end. Knows nothing of ASGI.

The silence of all sockets is judged by one sweep a second; a socket costs no timer and no task of its own beyond the
one that reads it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from realtime_gateway import metrics
from realtime_gateway.admission import Admission
from realtime_gateway.attendance import Attendance
from realtime_gateway.commands import Commands
from realtime_gateway.domain.closing import Closing
from realtime_gateway.domain.limits import MESSAGE_BURST, RUBBISH_COST, TokenBucket
from realtime_gateway.domain.log_order import PhoneLog
from realtime_gateway.domain.silence import Judgement, Patience
from realtime_gateway.errors import SocketRefused
from realtime_gateway.owner import Page
from realtime_gateway.phone import Phone
from realtime_gateway.recovery import Recovery
from realtime_gateway.rooms import Room, Rooms
from realtime_gateway.schemas import FrameRefused, pong_frame, read_frame, rejected_frame
from realtime_gateway.wire import Wire
from twotop_common.contracts.socket_frames import AuthFrame, CommandFrame, PingFrame
from twotop_common.credentials import CredentialExpired, CredentialInvalid, CredentialVerifier, ParticipantClaims
from twotop_common.service_defaults.logging import get_logger
from twotop_common.service_defaults.problems import invalid_field, invalid_request

log = get_logger(__name__)

SWEEP_S = 1.0
HELD_UP_S = 3 * SWEEP_S


class Sockets:
    """Opens, reads and ends sockets."""

    def __init__(
        self,
        *,
        verifier: CredentialVerifier,
        rooms: Rooms,
        admission: Admission,
        attendance: Attendance,
        recovery: Recovery,
        commands: Commands,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verifier = verifier
        self._rooms = rooms
        self._admission = admission
        self._attendance = attendance
        self._recovery = recovery
        self._commands = commands
        self._patience = patience
        self._clock = clock
        self._swept_at = clock()

    def authenticate(self, session_id: UUID, credential: str) -> ParticipantClaims:
        """The claims of a credential for this session. Raises SocketRefused."""
        try:
            claims = self._verifier.verify(credential, datetime.now(UTC))
        except (CredentialInvalid, CredentialExpired):
            raise SocketRefused(Closing.BAD_CREDENTIAL) from None
        if claims.session_id != session_id:
            raise SocketRefused(Closing.NOT_REGISTERED)
        return claims

    def read_auth(self, text: str | None) -> AuthFrame:
        """The first frame. Raises SocketRefused when it is anything but a readable ``auth``."""
        if text is None:
            raise SocketRefused(Closing.BAD_CREDENTIAL)
        try:
            frame = read_frame(text)
        except FrameRefused:
            raise SocketRefused(Closing.BAD_CREDENTIAL) from None
        if not isinstance(frame, AuthFrame):
            raise SocketRefused(Closing.BAD_CREDENTIAL)
        return frame

    async def open(self, wire: Wire, claims: ParticipantClaims, auth: AuthFrame) -> tuple[Room, Phone]:
        """Admit a phone and bring it up to date. Raises SocketRefused. Balance with ``end``."""
        room = await self._rooms.enter(claims.session_id)
        phone: Phone | None = None
        first_page: asyncio.Task[Page | None] | None = None
        try:
            recognised = await self._admission.recognise(room, claims)
            first_page = asyncio.create_task(self._recovery.first_page(room, auth))
            if not recognised:
                await self._admission.admit(room, claims, auth.credential)
            phone = Phone(
                wire=wire,
                claims=claims,
                credential=auth.credential,
                connection=0,
                log=PhoneLog(auth.last_seq),
                bucket=TokenBucket(MESSAGE_BURST, self._clock()),
            )
            await self._attendance.arrive(room, phone)
            self._seat(room, phone)
            await self._recovery.recover(room, phone, auth.epoch, first_page)
        except BaseException as error:
            outcome = error.closing.reason if isinstance(error, SocketRefused) else "failed"
            metrics.ADMISSIONS.labels(outcome).inc()
            if phone is not None and phone.connection:
                self.end(room, phone)
            else:
                self._rooms.leave(room)
            raise
        finally:
            if first_page is not None:
                first_page.cancel()
        metrics.ADMISSIONS.labels("admitted").inc()
        return room, phone

    def _seat(self, room: Room, phone: Phone) -> None:
        """The phone takes its participant's place in the room; whichever socket is older goes."""
        other = room.phones.get(phone.participant_id)
        if other is not None and other.connection > phone.connection:
            phone.wire.shut(Closing.REPLACED)
            return
        if other is not None:
            other.wire.shut(Closing.REPLACED)
        room.phones[phone.participant_id] = phone

    def end(self, room: Room, phone: Phone) -> None:
        """The socket is closed, whoever did it."""
        metrics.SOCKETS.dec()
        if phone.commands is not None:
            # The one in flight is finished; those behind it belong to the phone, which sends them again.
            while len(phone.commands) > 1:
                phone.commands.pop()
        if room.phones.get(phone.participant_id) is phone:
            del room.phones[phone.participant_id]
        if phone.wire.closing is not Closing.REPLACED:
            self._attendance.depart(phone)
        self._rooms.leave(room)

    # -- frames

    def on_text(self, room: Room, phone: Phone, text: str) -> None:
        """One frame of an admitted phone."""
        now = self._clock()
        if not phone.bucket.take(now):
            phone.wire.shut(Closing.TOO_FAST)
            return
        try:
            frame = read_frame(text)
        except FrameRefused as refused:
            phone.wire.push(rejected_frame(refused.command_id, refused.problem))
            self._fine(phone, now)
            return
        if isinstance(frame, PingFrame):
            phone.wire.push(pong_frame(room.head), heartbeat=True)
        elif isinstance(frame, CommandFrame):
            self._commands.submit(room, phone, frame)
        else:
            phone.wire.push(rejected_frame(None, invalid_field("type", "this socket is authenticated already")))
            self._fine(phone, now)

    def on_bytes(self, phone: Phone) -> None:
        """A binary message: the contract has none."""
        phone.wire.push(rejected_frame(None, invalid_request("Frames are text.")))
        self._fine(phone, self._clock())

    def _fine(self, phone: Phone, now: float) -> None:
        if not phone.bucket.take(now, RUBBISH_COST):
            phone.wire.shut(Closing.TOO_FAST)

    # -- silence

    def sweep(self) -> None:
        """Ask phones that may have vanished, and close the sockets of those that have."""
        now = self._clock()
        held_up, self._swept_at = now - self._swept_at > HELD_UP_S, now
        if held_up:
            # What the phones said meanwhile is not read yet: a pause of this process is nobody's silence.
            return
        for room in self._rooms:
            awaited = room.awaiting and room.roster.paired
            for phone in list(room.phones.values()):
                line = phone.wire.line
                judgement = line.judge(now, self._patience, awaited=awaited)
                if judgement is Judgement.LOST:
                    phone.wire.shut(Closing.SILENT)
                elif judgement is Judgement.ASK and phone.log.live and phone.wire.ask():
                    # One that recovers is not read from meanwhile, and has limits of its own.
                    line.ask(now, self._patience)

    async def keep_sweeping(self) -> None:
        """Judge silence, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()
