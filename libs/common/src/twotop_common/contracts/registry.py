"""Every message type by name. A name belongs to one owner and one body for ever; reusing it raises at import."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from twotop_common.contracts.envelope import Contract

Service = Literal["session-api", "pairing", "realtime-gateway", "cleanup-worker"]
Kind = Literal["fact", "command"]
ContractT = TypeVar("ContractT", bound=Contract)


class DuplicateMessageType(Exception):
    """Two contracts claim one name."""


class UnknownMessageType(Exception):
    """No contract has this name."""


@dataclass(frozen=True, slots=True)
class MessageType:
    """One registered message: its wire name, its body, who publishes it and who consumes it."""

    name: str
    body: type[Contract]
    kind: Kind
    owner: Service
    consumers: tuple[Service, ...]


class MessageRegistry:
    """Name -> contract, contract -> name. Filled at import by ``register``."""

    def __init__(self) -> None:
        self._by_name: dict[str, MessageType] = {}
        self._by_body: dict[type[Contract], MessageType] = {}

    def register(
        self, name: str, *, kind: Kind, owner: Service, consumers: tuple[Service, ...]
    ) -> Callable[[type[ContractT]], type[ContractT]]:
        """Class decorator that gives ``body`` its wire name. Raises DuplicateMessageType."""

        def add(body: type[ContractT]) -> type[ContractT]:
            if name in self._by_name or body in self._by_body:
                raise DuplicateMessageType(name)
            entry = MessageType(name, body, kind, owner, consumers)
            self._by_name[name] = entry
            self._by_body[body] = entry
            return body

        return add

    def by_name(self, name: str) -> MessageType:
        """Raises UnknownMessageType."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownMessageType(name) from None

    def of(self, body: Contract | type[Contract]) -> MessageType:
        """Raises UnknownMessageType."""
        cls = body if isinstance(body, type) else type(body)
        try:
            return self._by_body[cls]
        except KeyError:
            raise UnknownMessageType(cls.__name__) from None

    def consumed_by(self, service: Service) -> tuple[MessageType, ...]:
        return tuple(entry for entry in self if service in entry.consumers)

    def __iter__(self) -> Iterator[MessageType]:
        return iter(self._by_name.values())


REGISTRY = MessageRegistry()
register = REGISTRY.register
