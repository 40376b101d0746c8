"""Each line of the table: what is measured, in words and numbers, beside what is to be reached and the limit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from bench.figures import Figure
from bench.first_view import FirstView
from bench.idle_sockets import IdleCost
from bench.open_loop import Latencies
from bench.slow_phone import SlowPhone


@dataclass(frozen=True)
class Limits:
    """What this machine can do without rules, measured in the same run."""

    pgbench_appends: float
    append: Latencies
    broker: Latencies
    front_door: Latencies
    echo: Latencies

    @property
    def hops_ms(self) -> float:
        """The median of every hop that a command takes to the other phone, one after another."""
        return self.echo.milliseconds(50) + self.append.milliseconds(50) + 3 * self.broker.milliseconds(50)

    def figures(self) -> list[Figure]:
        hops = (
            ("hop: nginx, plain answer", self.front_door),
            ("hop: ping → pong through nginx and gateway", self.echo),
            ("hop: one append in PostgreSQL, one statement", self.append),
            ("hop: broker, publish → consume", self.broker),
        )
        rate = Figure(
            "limit: pgbench, 32 clients",
            f"{self.pgbench_appends:,.0f} appends/s",
            raw={"appends_per_s": self.pgbench_appends},
        )
        return [rate, *(Figure(name, p50_p99(found), raw=raw(found)) for name, found in hops)]


def p50_p99(latencies: Latencies) -> str:
    return f"p50 {latencies.milliseconds(50):.2f} ms, p99 {latencies.milliseconds(99):.2f} ms"


def raw(latencies: Latencies) -> dict[str, Any]:
    """Numbers for the record. What was never answered is null."""
    percentiles = {f"p{percent}_ms": latencies.milliseconds(percent) for percent in (50, 95, 99)}
    return {
        "offered": latencies.offered,
        "answered": latencies.answered,
        "failures": dict(latencies.failures),
        **{name: value if isfinite(value) else None for name, value in percentiles.items()},
    }


def appends(found: float, limits: Limits) -> Figure:
    ratio = found / limits.pgbench_appends
    return Figure(
        "store appends, 64 writers",
        f"{found:,.0f}/s, {ratio:.2f}×",
        "≥ 1.0×",
        "2×",
        f"pgbench {limits.pgbench_appends:,.0f}/s",
        ratio >= 1.0,
        ratio,
        {"appends_per_s": found, "ratio": ratio},
    )


def socket_command(found: Latencies, own: Latencies, limits: Limits, rate: float) -> Figure:
    p50, p99 = found.milliseconds(50), found.milliseconds(99)
    return Figure(
        f"socket command → other phone, {rate:.0f}/s",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms ({found.answered}/{found.offered})",
        "4 / 12 ms",
        "2.5 / 6 ms",
        f"hops {limits.hops_ms:.2f} ms",
        p50 <= 4 and p99 <= 12,
        p50 / limits.hops_ms,
        {"other": raw(found), "sender": raw(own), "hops_ms": limits.hops_ms},
    )


def durable(kind: str, best: float, steps: list[dict[str, Any]], limits: Limits) -> Figure:
    return Figure(
        f"durable commands/s before p99 passes 100 ms, {kind}",
        f"{best:,.0f}/s ({'; '.join(_shown(step) for step in steps[-2:])})",
        "≥ 1,200",
        "2,500",
        f"pgbench {limits.pgbench_appends:,.0f}/s",
        best >= 1200,
        best / limits.pgbench_appends,
        {"best": best, "steps": steps},
    )


def _shown(step: dict[str, Any]) -> str:
    return f"at {step['offered_per_s']:,.0f}/s p50 {step['p50_ms']:.0f} ms, p99 {step['p99_ms']:.0f} ms"


def join(found: Latencies, limits: Limits, rate: float) -> Figure:
    return Figure(
        f"join-dual → partner_joined on both phones, {rate:.0f}/s",
        f"p50 {found.milliseconds(50):.1f} ms, p95 {found.milliseconds(95):.1f} ms ({found.answered}/{found.offered})",
        "p95 ≤ 25 ms",
        "12 ms",
        f"hops {limits.hops_ms:.2f} ms",
        found.milliseconds(95) <= 25,
        found.milliseconds(95) / limits.hops_ms,
        raw(found),
    )


def create(found: Latencies, limits: Limits, rate: float) -> Figure:
    hops = limits.front_door.milliseconds(50) + limits.append.milliseconds(50)
    return Figure(
        f"POST /sessions, {rate:.0f}/s",
        f"p50 {found.milliseconds(50):.1f} ms, p95 {found.milliseconds(95):.1f} ms ({found.answered}/{found.offered})",
        "p95 ≤ 20 ms",
        "10 ms",
        f"nginx + one append {hops:.2f} ms",
        found.milliseconds(95) <= 20,
        found.milliseconds(95) / hops,
        raw(found),
    )


def next_card(found: Latencies, limits: Limits, sessions: int) -> Figure:
    p50, p95 = found.milliseconds(50), found.milliseconds(95)
    return Figure(
        f"next → other phone, p95 at {sessions} sessions playing at once",
        f"p50 {p50:.1f} ms, p95 {p95:.1f} ms ({found.answered}/{found.offered})",
        "p95 < 60 ms",
        "",
        f"hops {limits.hops_ms:.2f} ms",
        p95 < 60,
        p95 / limits.hops_ms,
        {**raw(found), "hops_ms": limits.hops_ms},
    )


def idle_socket(found: IdleCost, bare: float) -> Figure:
    return Figure(
        f"gateway memory per idle socket, {found.sockets:,}",
        f"{found.kilobytes_each:.1f} kB",
        "≤ 30 kB",
        "18 kB",
        f"uvicorn without rules {bare:.1f} kB",
        found.kilobytes_each <= 30,
        found.kilobytes_each / bare,
        {"before": found.before, "after": found.after, "sockets": found.sockets, "bare_kb": bare},
    )


def deadlines(spread: Latencies, burst: Latencies, idle_percent: float, count: int) -> Figure:
    worst = max(max(one.seconds, default=float("inf")) for one in (spread, burst))
    complete = spread.answered == spread.offered and burst.answered == burst.offered
    return Figure(
        f"{count:,} deadlines: lateness / idle worker CPU",
        f"p99 {spread.percentile(99):.2f} s, worst {worst:.2f} s / {idle_percent:.1f} % of a core",
        "5 s / 10 %",
        "1 s / 3 %",
        "",
        complete and worst <= 5 and idle_percent <= 10,
        None,
        {"spread": raw(spread), "burst": raw(burst), "worst_s": worst, "idle_cpu_percent": idle_percent},
    )


def start_up(fresh: float | None, warm: float) -> Figure:
    shown = "not measured" if fresh is None else f"{fresh:.0f} s"
    return Figure(
        "make up, fresh clone / warm",
        f"{shown} / {warm:.1f} s",
        "90 / 12 s",
        "60 / 6 s",
        "",
        None if fresh is None else fresh <= 90 and warm <= 12,
        None,
        {"fresh_s": fresh, "warm_s": warm},
    )


def weight(found: FirstView) -> Figure:
    return Figure(
        "guest app, first view compressed",
        f"{found.kilobytes:.1f} kB in {len(found.parts)} files",
        "≤ 60 kB",
        "35 kB",
        "",
        found.kilobytes <= 60,
        None,
        {"parts": found.parts},
    )


def slow_phone(found: SlowPhone) -> Figure:
    longest = f"{found.longest_ms:.0f} ms" if found.playing_tasks else "none of 50 ms"
    return Figure(
        "guest app on a slow phone: interactive / longest task while playing",
        f"{found.interactive_ms / 1000:.2f} s / {longest}",
        "< 2.5 s / < 100 ms",
        "",
        "",
        found.interactive_ms < 2500 and found.longest_ms < 100,
        None,
        asdict(found),
    )
