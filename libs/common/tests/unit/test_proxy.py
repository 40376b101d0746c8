import asyncio
import socket
from urllib.parse import urlsplit

import pytest

from twotop_common.testing.proxy import proxied


async def test_a_cut_proxy_refuses_connections_and_nobody_else_gets_its_port() -> None:
    async with proxied("tcp://127.0.0.1:9") as proxy:
        port = urlsplit(proxy.url).port
        await proxy.cut()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        await proxy.restore()
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
