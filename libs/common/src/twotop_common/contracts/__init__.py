"""Bodies on the wire between services, one module per publishing owner. Pure: imports nothing of ours but itself."""

from twotop_common.contracts import cleanup_worker, pairing, realtime_gateway, session_api
from twotop_common.contracts.envelope import Contract, Envelope
from twotop_common.contracts.registry import REGISTRY, DuplicateMessageType, MessageType, UnknownMessageType

__all__ = [
    "REGISTRY",
    "Contract",
    "DuplicateMessageType",
    "Envelope",
    "MessageType",
    "UnknownMessageType",
    "cleanup_worker",
    "pairing",
    "realtime_gateway",
    "session_api",
]
