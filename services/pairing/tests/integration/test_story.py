"""The whole service on real servers: facts in, HTTP, facts out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiormq
import orjson
import pytest
import pytest_asyncio
from aiormq.abc import AbstractChannel
from pairing_testing.house import Seated, Table, seat
from pairing_testing.serving import Others, Served, serve

from pairing.settings import PairingSettings
from twotop_common.messaging.topology import EVENTS_EXCHANGE, declare_consumer_queues
from twotop_common.testing.eventually import eventually

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


async def _seated(others: Others, served: Served, **more: object) -> Seated:
    seated = seat(Table.new(), datetime.now(UTC))
    await others.say(seated.fact)
    return seated


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
