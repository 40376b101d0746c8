"""What the gateway measures. No tenant, table, session or participant ever becomes a label."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SOCKETS = Gauge("twotop_sockets", "sockets that are admitted and open on this instance")
ROOMS = Gauge("twotop_rooms", "sessions with at least one socket on this instance")
SHARDS = Gauge("twotop_shards_bound", "fan-out shards this instance listens to")
DELIVERIES = Counter("twotop_deliveries_total", "events written to sockets")
DELIVERY_SECONDS = Histogram(
    "twotop_delivery_seconds",
    "from the receipt of a fan-out hint to the last write to a socket",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1),
)
ADMISSIONS = Counter("twotop_socket_admissions_total", "how sockets were admitted or refused", ["outcome"])
RECOVERY_SECONDS = Histogram("twotop_recovery_seconds", "from admission to a live socket")
RESYNCS = Counter("twotop_resyncs_total", "phones told to take the snapshot", ["cause"])
GAP_FETCHES = Counter("twotop_gap_fetches_total", "fetches of missed events for a room", ["outcome"])
HEAD_COMPARISONS = Counter("twotop_head_comparisons_total", "comparisons of heads with session-api", ["outcome"])
HEALED = Counter("twotop_healed_rooms_total", "rooms that the fan-out had left behind, found by comparing heads")
HINTS_REFUSED = Counter("twotop_hints_refused_total", "fan-out messages that are no hints")
CLOSES = Counter("twotop_socket_closes_total", "closed sockets by close code, 1000 when the phone left", ["code"])
COMMANDS = Counter("twotop_socket_commands_total", "commands over sockets", ["outcome"])
COMMAND_SECONDS = Histogram(
    "twotop_socket_command_seconds",
    "from a command frame to its answer",
    buckets=(0.001, 0.002, 0.004, 0.008, 0.016, 0.03, 0.06, 0.12, 0.25, 0.5, 1, 2.5, 5),
)
GONE = Counter("twotop_participants_gone_total", "participants declared gone", ["cause"])
PRESENCE_MEMORY = Counter("twotop_presence_memory_total", "use of the presence memory in Redis", ["outcome"])
