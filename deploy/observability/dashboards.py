"""The Grafana dashboards, one a service: what they show is written here, what Grafana reads is made from it.

`dashboards.py write` writes `dashboards/*.json` anew; `check` fails when they are not what it would write.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
PANELS_A_LINE, PANEL_HEIGHT = 3, 8
WIDTH = 24 // PANELS_A_LINE


@dataclass(frozen=True)
class Panel:
    """One graph. ``lines`` maps each expression to its legend; ``about`` tells what a reader should look for."""

    title: str
    unit: str
    about: str
    lines: Mapping[str, str]


@dataclass(frozen=True)
class Row:
    title: str
    panels: Sequence[Panel]


def at(metric: str, where: str = "") -> str:
    """The metric of the dashboard's service, at the instances chosen on top of the dashboard."""
    return f'{metric}{{job="$job", instance=~"$instance"{", " if where else ""}{where}}}'


def total(how: str, what: str, by: str = "") -> str:
    return f"{how} by ({by}) ({what})" if by else f"{how}({what})"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """Events a second."""
    return total("sum", f"rate({at(metric, where)}[$__rate_interval])", by)


def ratio(part: str, whole: str) -> str:
    return f"{part} / {whole}"


def quantile(share: float, metric: str, by: str = "") -> str:
    """The histogram's value that this share of events stays under."""
    buckets = rate(f"{metric}_bucket", ", ".join(filter(None, ("le", by))))
    return f"histogram_quantile({share}, {buckets})"


def rates(title: str, metric: str, by: str, about: str, *, where: str = "", unit: str = "ops") -> Panel:
    """How often, by kind."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", ")) if by else "all"
    return Panel(title, unit, about, {rate(metric, by, where): legend})


def durations(title: str, metric: str, about: str, by: str = "") -> Panel:
    """How long: p95 by kind, or median, p95 and p99 of all."""
    if by:
        legend = " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
        return Panel(f"{title}, p95", "s", about, {quantile(0.95, metric, by): legend})
    lines = {quantile(share, metric): f"p{share * 100:.0f}" for share in (0.5, 0.95, 0.99)}
    return Panel(title, "s", about, lines)


def levels(title: str, metric: str, by: str, about: str, *, unit: str = "short", how: str = "sum") -> Panel:
    """How much there is now."""
    return Panel(title, unit, about, {total(how, at(metric), by): f"{{{{{by}}}}}"})


HEALTH = Row(
    "Health",
    [
        Panel(
            "Ready",
            "short",
            "1 for each instance that serves; an instance that cannot be scraped shows as 0 in `up`.",
            {at("up"): "{{instance}} answers", at("twotop_ready"): "{{instance}} is ready"},
        ),
        levels("Dependencies", "twotop_dependency_up", "dependency", "0: away from at least one instance.", how="min"),
        levels("Broker connections", "twotop_broker_connected", "connection", "0: guests go on by polling.", how="min"),
        levels(
            "Memory", "process_resident_memory_bytes", "instance", "Steady growth over days is a leak.", unit="bytes"
        ),
        rates("Processor", "process_cpu_seconds_total", "instance", "1 is a whole core.", unit="percentunit"),
    ],
)
REQUESTS = Row(
    "Requests",
    [
        rates("Requests", "twotop_http_request_seconds_count", "method, route", "What guests ask for.", unit="reqps"),
        durations(
            "Time to answer",
            "twotop_http_request_seconds",
            "Promised: under 0.3 s. GET of events is a long-poll and waits on purpose.",
            "method, route",
        ),
        rates(
            "Refused and failed",
            "twotop_http_request_seconds_count",
            "status, route",
            "503 means that something is away; any other 5xx is a defect.",
            where='status=~"[45].."',
            unit="reqps",
        ),
        rates(
            "Rate limits", "twotop_rate_limit_total", "rule, outcome", "Refusals in numbers: abuse, or a limit too low."
        ),
        rates("Limits without Redis", "twotop_rate_limit_fallback_total", "", "Above 0: Redis is away."),
    ],
)
PUBLISHING = [
    levels(
        "Outbox, oldest",
        "twotop_outbox_oldest_seconds",
        "instance",
        "Facts waiting to be published.",
        unit="s",
        how="max",
    ),
    levels(
        "Outbox, rows",
        "twotop_outbox_rows",
        "instance",
        "Counted up to the limit, at which writes are refused.",
        how="max",
    ),
    durations("Publish to confirm", "twotop_publish_confirm_seconds", "The broker's speed, seen from here."),
]
CONSUMING = [
    rates(
        "Messages handled", "twotop_messages_total", "type, outcome", "`dead` wants a person; `retried` heals itself."
    ),
    durations("Time in the handler", "twotop_message_seconds", "Slow ones hold up their session only.", "type"),
    levels(
        "Consumer behind",
        "twotop_consumer_behind_seconds",
        "instance",
        "Age of the oldest message.",
        unit="s",
        how="max",
    ),
    levels("Queue", "twotop_queue_ready", "instance", "Messages that wait for this service.", how="max"),
    levels("Dead letters", "twotop_dead_letters", "instance", "Put aside until a person replays them.", how="max"),
]
MESSAGES = Row("Messages", [*PUBLISHING, *CONSUMING])

SESSION_API = [
    Row(
        "Sessions",
        [
            rates(
                "Milestones",
                "twotop_sessions_total",
                "event, mode",
                "Begun, joined, ready, played, ended.",
            ),
            rates("Ends", "twotop_sessions_total", "reason", "Why sessions end.", where='event="session_ended"'),
            levels(
                "Tables by live sessions",
                "twotop_tables",
                "live_sessions",
                "How many tables have so many live sessions now; each instance counts all tables, once a minute.",
                how="max",
            ),
            Panel(
                "Tables at the cap",
                "short",
                "No session may begin there until one ends; many at once is abuse.",
                {
                    total("max", at("twotop_tables_at_cap")): "tables",
                    total(
                        "sum", f"increase({at('twotop_sessions_refused_at_cap_total')}[$__rate_interval])"
                    ): "refused",
                },
            ),
            durations("Append", "twotop_append_seconds", "From hand-over to commit: what every command waits for."),
            Panel(
                "Appends a statement",
                "short",
                "1 when idle; grows with load, which is how the log keeps up.",
                {ratio(rate("twotop_append_batch_size_sum"), rate("twotop_append_batch_size_count")): "mean"},
            ),
            rates("Fan-out hints", "twotop_hints_total", "outcome", "A dropped hint is made up for within 5 s."),
        ],
    ),
    Row(
        "The game",
        [
            rates(
                "Questions shown",
                "twotop_questions_shown_total",
                "context, mode",
                "What is played; a question opened again counts again.",
            ),
            rates(
                "Moves",
                "twotop_question_moves_total",
                "direction, alone",
                "Many skips: dull questions. Many moves alone: phones that lose each other.",
            ),
            durations("Joined to both ready", "twotop_both_ready_seconds", "How long couples need to begin."),
            rates("Decks finished", "twotop_decks_finished_total", "context", "Guests who want more questions."),
            rates(
                "Wishes released",
                "twotop_wishes_released_total",
                "",
                "Wishes that took effect because the partner was away: for 20 s, or for 30 s without a request.",
            ),
        ],
    ),
]
PAIRING = [
    Row(
        "Joining",
        [
            rates("Attempts to join", "twotop_join_total", "outcome", "`too_many_attempts` is somebody guessing."),
            Panel(
                "Attempts that succeed",
                "percentunit",
                "Typing errors are normal; under a half, something is wrong.",
                {ratio(rate("twotop_join_total", where='outcome="paired"'), rate("twotop_join_total")): "share"},
            ),
            durations("Time to pair", "twotop_time_to_pair_seconds", "From the offer of a code to the second phone."),
            rates(
                "New codes", "twotop_pairing_code_total", "outcome", "Codes that ran out, were withdrawn or cancelled."
            ),
        ],
    ),
]
REALTIME_GATEWAY = [
    Row(
        "Sockets",
        [
            levels("Open sockets", "twotop_sockets", "instance", "Should be alike on all instances."),
            levels("Sessions", "twotop_rooms", "instance", "Sessions with a socket here."),
            levels("Shards", "twotop_shards_bound", "instance", "Of 256."),
            rates("Admissions", "twotop_socket_admissions_total", "outcome", "Everything but `admitted` was refused."),
            rates(
                "Closes", "twotop_socket_closes_total", "code", "4508 too slow, 4408 silent, 1013 try again, 1000 left."
            ),
            rates("Phones gone", "twotop_participants_gone_total", "cause", "`instance`: a gateway died."),
        ],
    ),
    Row(
        "To the other phone",
        [
            rates("Events delivered", "twotop_deliveries_total", "", "Events written to sockets."),
            durations("Delivery", "twotop_delivery_seconds", "From a hint to the last write."),
            rates(
                "Commands",
                "twotop_socket_commands_total",
                "outcome",
                "`accepted`, `repeated`, `refused`, or an error's code.",
            ),
            durations(
                "Command to answer", "twotop_socket_command_seconds", "What a tap feels like, but for the network."
            ),
        ],
    ),
    Row(
        "Nothing missed",
        [
            durations("Recovery", "twotop_recovery_seconds", "From admission to a socket that is up to date."),
            rates("Resyncs", "twotop_resyncs_total", "cause", "Phones told to start over from the snapshot."),
            rates("Gap fetches", "twotop_gap_fetches_total", "outcome", "Missed events fetched from session-api."),
            rates("Head comparisons", "twotop_head_comparisons_total", "outcome", "Every 5 s while there are sockets."),
            rates(
                "Healed sessions", "twotop_healed_rooms_total", "", "Found behind by the comparison: hints were lost."
            ),
            rates(
                "Refused hints",
                "twotop_hints_refused_total",
                "",
                "Fan-out messages that are no hints: any is a defect.",
            ),
            rates("Presence without Redis", "twotop_presence_memory_total", "outcome", "Presence is per gateway then."),
        ],
    ),
]
CLEANUP_WORKER = [
    Row(
        "Deadlines",
        [
            levels("Armed", "twotop_deadlines_armed", "kind", "Ahead or unanswered, counted now and then.", how="max"),
            durations("Lateness", "twotop_deadline_lateness_seconds", "Promised: within 5 s of its time.", "kind"),
            rates(
                "Owners asked",
                "twotop_deadline_commands_total",
                "kind, asked",
                "`again`: an owner did not answer within 30 s.",
            ),
        ],
    ),
]
DASHBOARDS = {
    "session-api": [*SESSION_API, REQUESTS, MESSAGES, HEALTH],
    "pairing": [*PAIRING, REQUESTS, MESSAGES, HEALTH],
    "realtime-gateway": [*REALTIME_GATEWAY, MESSAGES, HEALTH],
    "cleanup-worker": [*CLEANUP_WORKER, MESSAGES, HEALTH],
}
SOURCE = {"type": "prometheus", "uid": "${source}"}


def dashboard(service: str, rows: Sequence[Row]) -> dict[str, Any]:
    """What Grafana imports. Its names are Grafana's: h, w, x, y in a grid 24 wide."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        panels.append(
            {"type": "row", "title": row.title, "collapsed": False, "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}}
        )
        top += 1
        for number, panel in enumerate(row.panels):
            line, column = divmod(number, PANELS_A_LINE)
            place = {"h": PANEL_HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": top + line * PANEL_HEIGHT}
            panels.append(_graph(panel, place))
        top += -(-len(row.panels) // PANELS_A_LINE) * PANEL_HEIGHT
    return {
        "uid": f"twotop-{service}",
        "title": f"Twotop: {service}",
        "tags": ["twotop"],
        "schemaVersion": 38,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables(service)},
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, start=1)],
    }


def _graph(panel: Panel, place: Mapping[str, int]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 8}}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}, "legend": {"placement": "bottom"}},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend}
            for number, (expression, legend) in enumerate(panel.lines.items())
        ],
    }


def _variables(service: str) -> list[dict[str, Any]]:
    return [
        {"type": "datasource", "name": "source", "label": "Prometheus", "query": "prometheus"},
        {"type": "constant", "name": "job", "query": service, "hide": 2},
        {
            "type": "query",
            "name": "instance",
            "label": "Instance",
            "datasource": SOURCE,
            "query": {"query": 'label_values(up{job="$job"}, instance)', "refId": "instance"},
            "refresh": 2,
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def rendered() -> dict[Path, str]:
    """Every dashboard's file and what belongs into it."""
    return {
        FOLDER / f"{service}.json": json.dumps(dashboard(service, rows), indent=2, ensure_ascii=False) + "\n"
        for service, rows in DASHBOARDS.items()
    }


def main(mode: str) -> int:
    if mode == "write":
        for path, content in rendered().items():
            path.write_text(content, encoding="utf-8")
        return 0
    if mode == "check":
        stale = [path for path, content in rendered().items() if path.read_text(encoding="utf-8") != content]
        for path in stale:
            print(f"{path} is not what dashboards.py says; run: make dashboards")
        return 1 if stale else 0
    print("dashboards.py: write or check", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or [""]))
