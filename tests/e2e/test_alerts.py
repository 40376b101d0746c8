"""Every alert is quiet while all is well, fires for what it is meant for, and is quiet again when that is over."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml
from twotop_e2e.prometheus import ALERTS, OBSERVABILITY, alert_rules

SERVICES = ("session-api", "pairing", "realtime-gateway", "cleanup-worker")
PROMISED = "/api/v1/sessions"
QUIET_AT, FIRING_AT, OVER_AT = "20m", "40m", "80m"


def level(well: float, sick: float) -> str:
    """A gauge that is sick from the 21st to the 41st minute."""
    return f"{well}x20 {sick}x20 {well}x60"


def burst(each: float) -> str:
    """A counter that rises by so much a minute from the 21st to the 41st minute."""
    return f"0x20 0+{each}x20 {each * 20}x60"


def steady(each: float) -> str:
    return f"0+{each}x101"


def slow(metric: str, labels: str, fast: str, slow_bucket: str) -> dict[str, str]:
    """A histogram whose events, one a second, are fast but for the sick twenty minutes."""
    all_events = f"{metric}_bucket{{{labels}, le="
    return {
        f'{all_events}"{fast}"}}': "0+60x20 1200x20 1200+60x60",
        f'{all_events}"{slow_bucket}"}}': "0+60x101",
        f'{all_events}"+Inf"}}': "0+60x101",
    }


REQUESTS = "twotop_http_request_seconds"
CASES: dict[str, dict[str, str]] = {
    "ServiceDown": {'up{job="pairing", instance="b"}': level(1, 0)},
    "ServiceMissing": {'up{job="pairing", instance="a"}': "1x20 _x20 1x60"},
    "ServiceNotReady": {'twotop_ready{job="pairing"}': level(1, 0)},
    "DependencyAway": {'twotop_dependency_up{job="pairing", dependency="redis"}': level(1, 0)},
    "BrokerAway": {'twotop_broker_connected{job="pairing", connection="facts"}': level(1, 0)},
    "ManyUnavailable": {
        f'{REQUESTS}_count{{job="pairing", status="200"}}': steady(60),
        f'{REQUESTS}_count{{job="pairing", status="503"}}': burst(10),
    },
    # One error only, the first of its kind.
    "ServerErrors": {f'{REQUESTS}_count{{job="pairing", method="GET", route="/x", status="500"}}': "_x35 1x65"},
    "SlowRoute": slow(REQUESTS, f'job="session-api", method="POST", route="{PROMISED}", status="201"', "0.2", "0.5"),
    "SlowAppends": slow("twotop_append_seconds", 'job="session-api", instance="a"', "0.01", "0.1"),
    "SlowSocketCommands": slow("twotop_socket_command_seconds", 'job="realtime-gateway"', "0.016", "0.25"),
    "SlowDelivery": slow("twotop_delivery_seconds", 'job="realtime-gateway"', "0.001", "0.1"),
    "OutboxOld": {'twotop_outbox_oldest_seconds{job="pairing"}': level(1, 30)},
    "OutboxBacklog": {'twotop_outbox_rows{job="pairing"}': level(9_999, 10_001)},
    "SlowConfirms": slow("twotop_publish_confirm_seconds", 'job="pairing"', "0.01", "1.0"),
    "ConsumerBehind": {'twotop_consumer_behind_seconds{job="pairing"}': level(1, 3)},
    "DeadLetters": {'twotop_dead_letters{job="pairing"}': level(0, 1)},
    "HintsDropped": {'twotop_hints_total{job="session-api", outcome="dropped"}': burst(1)},
    "HintsLost": {'twotop_healed_rooms_total{job="realtime-gateway"}': burst(10)},
    "UnknownHints": {'twotop_hints_refused_total{job="realtime-gateway"}': "0x35 1x65"},
    "JoinsFail": {
        'twotop_join_total{job="pairing", outcome="paired"}': steady(5),
        'twotop_join_total{job="pairing", outcome="code_invalid"}': burst(10),
    },
    "CodesGuessed": {
        'twotop_join_total{job="pairing", outcome="paired"}': steady(10),
        'twotop_join_total{job="pairing", outcome="too_many_attempts"}': burst(2),
    },
    # Nothing starts and nobody comes: they are full all the same.
    "TablesAtTheCap": {'twotop_tables_at_cap{job="session-api", instance="a"}': level(0, 2)},
    "SlowPhonesCutOff": {'twotop_socket_closes_total{job="realtime-gateway", code="4508"}': burst(5)},
    "SocketsTurnedAway": {'twotop_socket_closes_total{job="realtime-gateway", code="1013"}': burst(10)},
    "DeadlinesLate": slow("twotop_deadline_lateness_seconds", 'job="cleanup-worker", kind="session"', "1.0", "30.0"),
    "DeadlinesUnanswered": {
        'twotop_deadline_commands_total{job="cleanup-worker", kind="session", asked="again"}': burst(3)
    },
}


def promtool_group(alert: str, sick: dict[str, str]) -> dict[str, Any]:
    """One of promtool's test groups: only ``alert`` fires, and only while the series are sick."""
    well = {f'up{{job="{service}", instance="a"}}': "1x100" for service in SERVICES}
    firing = 'count by (alertname) (ALERTS{alertstate="firing"} > 0) * 0 + 1'
    expected = [(QUIET_AT, []), (FIRING_AT, [{"labels": f'{{alertname="{alert}"}}', "value": 1}]), (OVER_AT, [])]
    return {
        "name": alert,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in {**well, **sick}.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": at, "exp_samples": samples} for at, samples in expected],
    }


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=OBSERVABILITY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_rules_and_configurations() -> None:
    promtool("check", "rules", ALERTS.name)
    promtool("check", "config", "--syntax-only", "prometheus.native.yml", "prometheus.compose.yml")


def test_each_alert_fires_for_what_it_is_meant_for_and_alone(tmp_path: Path) -> None:
    assert CASES.keys() == alert_rules().keys()
    file = tmp_path / "alerts_test.yml"
    content = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [promtool_group(alert, sick) for alert, sick in CASES.items()],
    }
    file.write_text(yaml.safe_dump(content, sort_keys=False, width=1_000), encoding="utf-8")
    promtool("test", "rules", str(file))


def test_a_long_poll_is_not_called_slow(tmp_path: Path) -> None:
    waiting = slow(REQUESTS, 'job="session-api", method="GET", status="200", route="%s"', "0.2", "30.0")
    stays_quiet(
        "SlowRoute",
        {name % "/api/v1/sessions/{session_id}/events": values for name, values in waiting.items()},
        tmp_path,
    )


def test_a_few_refused_joins_while_pairing_is_switched_off_wake_nobody(tmp_path: Path) -> None:
    joins = {f'{REQUESTS}_count{{job="pairing", route="/api/v1/sessions/join-dual", status="503"}}': burst(2)}
    stays_quiet("ManyUnavailable", joins, tmp_path)


def stays_quiet(alert: str, series: dict[str, str], folder: Path) -> None:
    group = promtool_group(alert, series)
    for case in group["promql_expr_test"]:
        case["exp_samples"] = []
    file = folder / "quiet_test.yml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": [group]}, width=1_000), encoding="utf-8")
    promtool("test", "rules", str(file))
