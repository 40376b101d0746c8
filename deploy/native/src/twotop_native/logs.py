"""Following the logs of all parts at once, each line with its part's name before it."""

import time
from collections.abc import Iterator
from pathlib import Path

_POLL_S = 0.3
_COLOURS = (36, 32, 33, 35, 34, 31, 96, 92, 93, 95, 94)


def follow(folder: Path, *, lines: int, forever: bool, colour: bool) -> Iterator[str]:
    """The last lines of each log, then (`forever`) whatever is added. Restarted and new logs are picked up."""
    positions: dict[Path, int] = {}
    while True:
        for number, path in enumerate(sorted(folder.glob("*.log"))):
            prefix = _prefix(path.stem, _COLOURS[number % len(_COLOURS)] if colour else None)
            text, positions[path] = _read(path, positions.get(path), lines)
            for line in text:
                yield f"{prefix} {line}"
        if not forever:
            return
        time.sleep(_POLL_S)


def _prefix(name: str, colour: int | None) -> str:
    text = f"{name:<18}|"
    return text if colour is None else f"\033[{colour}m{text}\033[0m"


def _read(path: Path, position: int | None, lines: int) -> tuple[list[str], int]:
    size = path.stat().st_size
    if position is not None and position > size:  # rotated
        position = 0
    with path.open("rb") as file:
        file.seek(position or 0)
        content = file.read()
    complete = content[: content.rfind(b"\n") + 1]
    end = (position or 0) + len(complete)
    text = complete.decode(errors="replace").splitlines()
    return (text[-lines:] if position is None and lines else text if position is not None else []), end
