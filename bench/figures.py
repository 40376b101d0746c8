"""What a run found, beside what is to be reached and beside the machine's limit; printed, and kept with the commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``met`` is None where nothing is to be reached.

    ``ratio`` compares with the limit measured in the same run: it moves less from machine to machine.
    """

    line: str
    found: str
    reach: str = ""
    aim: str = ""
    limit: str = ""
    met: bool | None = None
    ratio: float | None = None
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass
class Report:
    """All figures of one run."""

    quick: bool
    figures: list[Figure] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)

    def add(self, *figures: Figure) -> None:
        for figure in figures:
            print(
                f"  {figure.line}: {figure.found}" + (f"   (limit {figure.limit})" if figure.limit else ""), flush=True
            )
            self.figures.append(figure)

    def table(self) -> str:
        """As Markdown; of a quick run only the ratios, for its figures are too few to be quoted."""
        if self.quick:
            ratios = [f"| {f.line} | {f.ratio:.2f} | {f.limit} |" for f in self.figures if f.ratio is not None]
            return "\n".join(["| what | found ÷ limit | limit |", "|---|---|---|", *ratios])
        rows = [("what", "found", "reach", "then aim for", "limit in the same run", "")]
        rows += [
            (f.line, f.found, f.reach, f.aim, f.limit, {True: "reached", False: "**short**", None: ""}[f.met])
            for f in self.figures
        ]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n".join([lines[0], "|" + "---|" * 6, *lines[1:]])

    def record(self) -> Path:
        """Append to the history, and write the latest table. Returns the path of the table."""
        RESULTS.mkdir(exist_ok=True)
        kind = "quick" if self.quick else "full"
        head = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit(), "kind": kind, **self.machine}
        with (RESULTS / f"{kind}.jsonl").open("a", encoding="utf-8") as history:
            history.write(json.dumps({**head, "figures": [asdict(figure) for figure in self.figures]}) + "\n")
        page = RESULTS / f"latest-{kind}.md"
        about = ", ".join(f"{name} {value}" for name, value in head.items())
        page.write_text(f"# The latest {kind} run\n\n{about}\n\n{self.table()}\n", encoding="utf-8")
        return page


def commit() -> str:
    """The commit measured, with a mark when files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {
        "cores": os.cpu_count(),
        "memory_mb": memory,
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }
