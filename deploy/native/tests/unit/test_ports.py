import socket

import pytest

from twotop_native.ports import HIGHEST, LOOPBACK, LOWEST, NoFreePort, PortAllocator, answers, is_free


def test_ports_are_free_distinct_and_below_the_range_of_outgoing_connections() -> None:
    ports = PortAllocator()
    taken = [ports.take() for _ in range(50)]
    assert len(set(taken)) == 50
    assert all(LOWEST <= port <= HIGHEST < 32768 and is_free(port) for port in taken)


def test_a_preferred_port_is_taken_when_it_is_free() -> None:
    free = PortAllocator().take()
    assert PortAllocator().take(free) == free


def test_another_port_is_taken_when_the_preferred_one_is_in_use() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        used = server.getsockname()[1]
        assert not is_free(used)
        assert answers(used)
        assert PortAllocator().take(used) != used


def test_a_range_without_a_free_port_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twotop_native.ports.is_free", lambda port: False)
    with pytest.raises(NoFreePort):
        PortAllocator().take()
