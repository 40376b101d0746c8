"""The whole service on real servers: facts in, HTTP, facts out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiormq
import orjson
import pytest
import pytest_asyncio
from aiormq.abc import AbstractChannel
from pairing_testing.house import CODE_LIFE, Table, seat, wrong_codes
from pairing_testing.serving import Others, serve

from pairing.settings import PairingSettings
from twotop_common.contracts.cleanup_worker import ExpirePairing
from twotop_common.contracts.session_api import FlagChanged, SessionEnded
from twotop_common.messaging.topology import EVENTS_EXCHANGE, declare_consumer_queues
from twotop_common.service_defaults.feature_flags import DUAL_PAIRING_CODE_ENABLED
from twotop_common.testing.eventually import eventually
from twotop_common.testing.fakes import Clock
from twotop_common.testing.proxy import proxied

pytestmark = pytest.mark.integration
KEY = "k" * 22


class Heard:
    """Every fact on the exchange, by type."""

    def __init__(self, channel: AbstractChannel, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self.messages: list[dict[str, object]] = []

    async def types(self) -> list[str]:
        while (message := await self._channel.basic_get(self._queue, no_ack=True)).delivery_tag is not None:
            self.messages.append(orjson.loads(message.body))
        return [str(message["type"]) for message in self.messages]

    async def has(self, kind: str) -> bool:
        return kind in await self.types()


@pytest_asyncio.fixture
async def heard(broker_url: str) -> AsyncIterator[Heard]:
    connection = await aiormq.connect(broker_url)
    channel = await connection.channel()
    # Facts are mandatory: somebody must have a queue for each.
    await declare_consumer_queues(channel, "session-api")
    await declare_consumer_queues(channel, "pairing")
    queue = (await channel.queue_declare("", exclusive=True)).queue or ""
    await channel.queue_bind(queue, EVENTS_EXCHANGE, "twotop.pairing.#")
    yield Heard(channel, queue)
    await connection.close()


async def test_a_guest_types_the_code_and_session_api_hears_of_it(
    settings: PairingSettings, heard: Heard, others: Others
) -> None:
    async with serve(settings) as served:
        seated = seat(Table.new(), datetime.now(UTC))
        await others.say(seated.fact)
        # Typed at once: the fact may still be on its way.
        answer = await served.join(seated, key=KEY)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        again = await served.join(seated, key=KEY)
        assert again.json() == answer.json()
        await eventually(lambda: heard.has("twotop.pairing.matched.v1"))
    assert heard.messages[-1]["subject"] == str(seated.id)
    for secret in (seated.code, seated.join_secret.partition(".")[2], answer.json()["participant"]["credential"]):
        assert secret not in str(heard.messages)


async def test_device_a_gets_a_new_code_and_goes_on_alone(
    settings: PairingSettings, heard: Heard, others: Others
) -> None:
    async with serve(settings) as served:
        seated = seat(Table.new(), datetime.now(UTC))
        await others.say(seated.fact)
        answer = await served.new_code(seated, key=KEY)
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"code", "expires_at", "join_url"}
        assert answer.headers["cache-control"] == "no-store"
        assert (await served.new_code(seated, key=KEY)).json() == answer.json()
        for _ in range(2):
            assert (await served.alone(seated)).status_code == 204
        await eventually(lambda: heard.has("twotop.pairing.cancelled.v1"))
        assert await heard.types() == ["twotop.pairing.code_replaced.v1", "twotop.pairing.cancelled.v1"]


async def test_a_due_code_expires_when_the_worker_asks(settings: PairingSettings, heard: Heard, others: Others) -> None:
    clock = Clock(datetime.now(UTC))
    async with serve(settings, clock) as served:
        seated = seat(Table.new(), clock())
        await others.say(seated.fact)
        due_at = clock() + CODE_LIFE
        await others.say(ExpirePairing(session_id=seated.id, generation=1, due_at=due_at))
        # Asked too early nothing happens; the code still works for another session's guest.
        assert (await served.new_code(seated)).status_code == 201
        clock.now = due_at
        await others.say(ExpirePairing(session_id=seated.id, generation=2, due_at=due_at))
        await eventually(lambda: heard.has("twotop.pairing.expired.v1"))
        await others.say(SessionEnded(session_id=seated.id, seq=7, state="closed", reason="guest", ended_at=clock()))

        async def is_closed() -> bool:
            return (await served.alone(seated)).status_code == 410

        await eventually(is_closed)


async def test_the_flag_switches_pairing_off_and_on_and_pairs_go_on(settings: PairingSettings, others: Others) -> None:
    async with serve(settings) as one, serve(settings) as two:
        waiting, paired = seat(Table.new(), datetime.now(UTC)), seat(Table.new(), datetime.now(UTC))
        for seated in (waiting, paired):
            await others.say(seated.fact)
        assert (await one.join(paired, key=KEY)).status_code == 200
        await others.say(FlagChanged(name=DUAL_PAIRING_CODE_ENABLED, enabled=False, version=2))

        async def off() -> bool:
            answers = [await served.join(waiting, wrong_codes(waiting.code)[0]) for served in (one, two)]
            return all(answer.json()["code"] == "pairing_disabled" for answer in answers)

        await eventually(off)
        by_link = await one.client.post(
            "/api/v1/sessions/join-dual",
            json={"table_token": waiting.table_token, "join_secret": waiting.join_secret},
        )
        assert (by_link.status_code, by_link.json()["code"]) == (503, "pairing_disabled")
        assert "retry-after" in by_link.headers
        assert (await one.new_code(waiting)).json()["code"] == "pairing_disabled"
        # An older announcement that comes late changes nothing.
        await others.say(FlagChanged(name=DUAL_PAIRING_CODE_ENABLED, enabled=True, version=1))
        assert (await one.alone(paired)).json()["code"] == "already_paired"
        assert (await one.alone(waiting)).status_code == 204
        await others.say(FlagChanged(name=DUAL_PAIRING_CODE_ENABLED, enabled=True, version=3))

        async def on() -> bool:
            return all([(await served.new_code(waiting)).status_code == 201 for served in (one, two)])

        await eventually(on)


async def test_a_view_that_is_cut_off_answers_503_and_known_codes_still_work(
    settings: PairingSettings, broker_url: str, others: Others
) -> None:
    async with proxied(broker_url) as proxy:
        cut_off = settings.model_copy(update={"broker_url": proxy.url})
        async with serve(cut_off) as served:
            seated = seat(Table.new(), datetime.now(UTC))
            await others.say(seated.fact)

            async def known() -> bool:
                return (await served.new_code(seated)).status_code == 201

            await eventually(known)
            await proxy.cut()
            stranger = seat(Table.new(), datetime.now(UTC))

            async def unavailable() -> bool:
                return (await served.join(stranger)).status_code == 503

            await eventually(unavailable)
            assert (await served.alone(seated)).status_code == 204
            invitation = (await served.new_code(seated)).json()
            answer = await served.join(seated, invitation["code"])
            assert answer.status_code == 200
