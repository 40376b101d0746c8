"""Building the web app, only when its sources have changed since the last build."""

import shutil
import subprocess
from pathlib import Path

from twotop_native.paths import checkout_root
from twotop_native.startup import digest

_SOURCES = ("src", "public", "index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json")


class WebBuildFailed(RuntimeError):
    """The web app could not be built; the text says where the output is."""


def build_web(log: Path) -> bool:
    """Build web/ into web/dist if needed; True when it was built. Raises WebBuildFailed."""
    web = checkout_root() / "web"
    if not (web / "package.json").exists():
        return False
    wanted = digest([web / name for name in _SOURCES])
    stamp = web / "dist" / ".built-from"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    install_web_dependencies(log)
    with log.open("ab") as output:
        _npm(["run", "build"], web, output.fileno(), log)
    stamp.write_text(wanted)
    return True


def install_web_dependencies(log: Path) -> None:
    """`npm ci`, unless it was done for this very lock file. Raises WebBuildFailed."""
    if shutil.which("npm") is None:
        raise WebBuildFailed("npm is not installed; Twotop needs Node 20 or newer to build its web app")
    web = checkout_root() / "web"
    done_for = web / "node_modules" / ".installed-from"
    lock = digest([web / "package-lock.json"])
    if done_for.exists() and done_for.read_text() == lock:
        return
    with log.open("ab") as output:
        _npm(["ci", "--no-audit", "--no-fund"], web, output.fileno(), log)
    done_for.write_text(lock)


def _npm(arguments: list[str], web: Path, output: int, log: Path) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=web, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
    )
    if done.returncode != 0:
        raise WebBuildFailed(f"`npm {' '.join(arguments)}` failed; see {log}")
