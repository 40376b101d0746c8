"""Free loopback ports below 32768, where the kernel does not hand out ports for outgoing connections."""

import secrets
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"
LOWEST = 15000
HIGHEST = 32767


class NoFreePort(RuntimeError):
    """Every port of the range is taken."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 0.5) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout):
            return True
    except OSError:
        return False


class PortAllocator:
    """Hands out ports that are free now, never the same twice.

    The start is random: two launchers starting at the same moment would otherwise both find the same port free.
    """

    def __init__(self) -> None:
        self._candidates = self._walk()

    def take(self, preferred: int | None = None) -> int:
        """A free port: the preferred one if it can be had. Raises NoFreePort."""
        if preferred is not None and is_free(preferred):
            return preferred
        for port in self._candidates:
            if is_free(port):
                return port
        raise NoFreePort(f"no free port between {LOWEST} and {HIGHEST}")

    @staticmethod
    def _walk() -> Iterator[int]:
        size = HIGHEST - LOWEST + 1
        start = secrets.randbelow(size)
        for step in range(size):
            yield LOWEST + (start + step) % size
