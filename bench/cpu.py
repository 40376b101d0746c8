"""Which part of the house takes how much processor time for a command: the profile that every figure can be read by."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import psutil

from bench.figures import Figure


class CpuMeter:
    """Seconds of processor time by part, between ``start`` and ``per``. Parts are those of ``run.json``."""

    def __init__(self, run: dict[str, Any]) -> None:
        self._pids: dict[str, list[int]] = {"load generator": [os.getpid()]}
        for service, instances in run["services"].items():
            self._pids[service] = [instance["pid"] for instance in instances if instance["pid"]]
        for backend, known in run["backends"].items():
            self._pids[backend] = [known["pid"]] if known["pid"] else []
        if run.get("gateway_pid"):
            self._pids["nginx"] = [run["gateway_pid"]]
        self._before: dict[str, float] = {}
        self._busy = 0.0

    def start(self) -> None:
        self._before = self._read()
        self._busy = _busy()

    def per(self, count: int) -> dict[str, float]:
        """Microseconds for one of ``count`` since ``start``; ``others`` is what the machine did besides."""
        after = self._read()
        spent = {part: after[part] - self._before.get(part, 0.0) for part in after}
        spent["others"] = max(0.0, _busy() - self._busy - sum(spent.values()))
        return {part: round(seconds / max(1, count) * 1e6) for part, seconds in spent.items()}

    def _read(self) -> dict[str, float]:
        return {part: sum(_family_seconds(pid) for pid in pids) for part, pids in self._pids.items()}


def figure(line: str, costs: dict[str, float]) -> Figure:
    """The costs as one line."""
    shown = ", ".join(f"{part} {microseconds:,.0f}" for part, microseconds in costs.items())
    return Figure(f"CPU µs each: {line}", shown, raw=costs)


def _family_seconds(pid: int) -> float:
    seconds = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = member.cpu_times()
                seconds += times.user + times.system
    return seconds


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
