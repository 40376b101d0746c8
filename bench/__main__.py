"""``python -m bench``: every line to be reached, beside the limits of this machine; ``--quick`` in under a minute."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from bench import (
    appends,
    bare_socket_limit,
    cpu,
    deadlines,
    idle_sockets,
    lines,
    playing,
    postgres_limit,
    requests,
    sockets,
)
from bench.broker_limit import publish_to_consume
from bench.cpu import CpuMeter
from bench.figures import Report, machine
from bench.first_view import first_view
from bench.phones import Restaurant
from bench.slow_phone import slow_phone
from bench.system import ROOT, System, running_system
from bench.tables import lift_table_cap

ONLY = "appends,socket,next,join,create,view,phone,durable,idle,deadlines,start"
STEPS = (600, 900, 1200, 1350, 1500, 1750, 2000, 2250, 2500, 3000)


@dataclass(frozen=True)
class Extent:
    """How long and how much; the same measurements, whole or quick."""

    seconds: float
    pgbench_seconds: int
    pairs: int
    command_rate: float = 300
    join_rate: float = 10
    create_rate: float = 50
    playing: int = 50


FULL = Extent(seconds=15, pgbench_seconds=10, pairs=100)
QUICK = Extent(seconds=3, pgbench_seconds=3, pairs=30)


async def measure_limits(system: System, restaurant: Restaurant, extent: Extent, report: Report) -> lines.Limits:
    async with postgres_limit.Scratch(system.postgres_url) as scratch:
        report.machine["durability"] = await postgres_limit.durability(scratch.url)
        rate = await postgres_limit.pgbench(scratch.url, 32, extent.pgbench_seconds)
        append = await postgres_limit.one_by_one(scratch.url, 1000)
    seconds = extent.seconds / 3
    limits = lines.Limits(
        pgbench_appends=rate,
        append=append,
        broker=await publish_to_consume(system.broker_url, extent.command_rate, seconds),
        front_door=await requests.plain_answers(restaurant, "/healthz", extent.command_rate, seconds),
        echo=await sockets.ping_to_pong(restaurant, extent.command_rate, seconds),
    )
    report.add(*limits.figures())
    return limits


async def measure(system: System, extent: Extent, report: Report, only: set[str]) -> None:
    """The lines that need a running system."""

    def wanted(name: str) -> bool:
        return not only or name in only

    await lift_table_cap(system.database_url("session_api"))
    restaurant = Restaurant(system.gateway, system.tables)
    limits = await measure_limits(system, restaurant, extent, report)
    if wanted("appends"):
        report.add(lines.appends(await appends.gathered(system.postgres_url, 64, extent.pgbench_seconds), limits))
    if wanted("socket"):
        rate = extent.command_rate
        meter = CpuMeter(system.run)
        other, own = await sockets.command_to_other_phone(restaurant, rate, extent.seconds, extent.pairs, meter)
        report.add(lines.socket_command(other, own, limits, rate))
        report.add(cpu.figure("socket command", meter.per(other.answered)))
    if wanted("next"):
        shown = await playing.next_to_other_phone(restaurant, extent.playing, extent.seconds)
        report.add(lines.next_card(shown, limits, extent.playing))
    if wanted("join"):
        rate = extent.join_rate
        report.add(lines.join(await requests.join_to_both_phones(restaurant, rate, extent.seconds), limits, rate))
    if wanted("create"):
        rate = extent.create_rate
        report.add(lines.create(await requests.create_sessions(restaurant, rate, extent.seconds), limits, rate))
    if wanted("view"):
        report.add(lines.weight(await first_view(system.gateway, system.tables[0])))
    if not report.quick:
        await measure_long(system, restaurant, limits, report, wanted)
    restaurant.http.close()


async def measure_long(
    system: System, restaurant: Restaurant, limits: lines.Limits, report: Report, wanted: Any
) -> None:
    """The lines that take minutes, or a browser."""
    if wanted("phone"):
        report.add(lines.slow_phone(await slow_phone(system.gateway, system.tables[0])))
    if wanted("durable"):
        best, steps = await requests.most_durable_commands(restaurant, STEPS, 6, CpuMeter(system.run))
        report.add(lines.durable("HTTP", best, steps, limits))
        best, steps = await sockets.most_durable_commands(restaurant, STEPS, 6, CpuMeter(system.run))
        report.add(lines.durable("sockets", best, steps, limits))
    if wanted("deadlines"):
        database = system.database_url("cleanup_worker")
        idle = await deadlines.rest(database, system.pids("cleanup-worker"), 100_000, 20)
        spread = await deadlines.lateness(system.broker_url, 2_000, lead=10, spread=20)
        burst = await deadlines.lateness(system.broker_url, 1_000, lead=10, spread=0)
        report.add(lines.deadlines(spread, burst, idle, 100_000))
    if wanted("idle"):
        bare = await bare_socket_limit.bare_idle_socket(2_000)
        found = await idle_sockets.idle_sockets(restaurant, system.pids("realtime-gateway"), 5_000)
        report.add(lines.idle_socket(found, bare))


def fresh_clone_start(folder: Path) -> float:
    """Seconds of ``make up`` in a fresh clone: virtual environment, web app, servers, migrations, demo restaurant."""
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", "--local", str(ROOT), str(clone)], check=True)
    environment = {**os.environ, "TWOTOP_START": "native"}
    began = time.perf_counter()
    try:
        subprocess.run(["make", "up"], cwd=clone, env=environment, check=True, capture_output=True)
        return time.perf_counter() - began
    finally:
        subprocess.run(["make", "clean"], cwd=clone, env=environment, check=False, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute; ratios, not recorded")
    parser.add_argument("--only", default="", help=ONLY)
    parser.add_argument("--no-record", action="store_true", help="print, and leave bench/results alone")
    options = parser.parse_args()
    only = {name for name in options.only.split(",") if name}
    report = Report(quick=options.quick, machine=machine())
    web = not only or not only.isdisjoint({"view", "phone"})
    folder = Path(tempfile.mkdtemp(prefix="twotop-bench-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with running_system(folder / "state", keep=not options.quick, web=web) as system:
            print(f"system ready in {system.started_in_s:.1f} s", flush=True)
            uvloop.run(measure(system, QUICK if options.quick else FULL, report, only))
        if not options.quick and (not only or "start" in only):
            with running_system(folder / "state") as again:
                warm = again.started_in_s
            report.add(lines.start_up(fresh_clone_start(folder), warm))
    print("\n" + report.table())
    if not (options.quick or options.no_record or only):
        print(f"\nrecorded in {report.record().relative_to(ROOT)}")


if __name__ == "__main__":
    main()
