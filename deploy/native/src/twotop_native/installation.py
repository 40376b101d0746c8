"""Getting missing servers from the system's packages, without letting the packages start theirs.

Debian's packages start a server as soon as they are installed. While ours are installed a policy file forbids that; the
machine's own policy, if it has one, is put back afterwards.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from twotop_native.paths import running_as_root
from twotop_native.servers import PACKAGES, missing_servers

POLICY = Path("/usr/sbin/policy-rc.d")


class CannotInstall(RuntimeError):
    """Servers are missing and may not be installed from here; the text says what to install."""


def privileged_prefix() -> list[str] | None:
    """How to run a command as root: directly, through sudo without a password, or not at all (None)."""
    if running_as_root():
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def instructions(missing: Sequence[str]) -> str:
    """What a person has to install, in words and as a command."""
    names = {"postgres": "PostgreSQL", "rabbitmq": "RabbitMQ", "redis": "Redis", "nginx": "nginx"}
    packages = " ".join(PACKAGES[name] for name in missing)
    return (
        f"Missing on this machine: {', '.join(names[name] for name in missing)}.\n"
        f"Install them, for example on Debian or Ubuntu:\n    sudo apt-get install {packages}\n"
        "Their own services need not run; Twotop starts private ones."
    )


def refuse_when_hopeless() -> None:
    """Raise CannotInstall at once when servers are missing and nobody here may install them."""
    missing = missing_servers()
    if missing and (privileged_prefix() is None or shutil.which("apt-get") is None):
        raise CannotInstall(instructions(missing))


def install_missing(say: Callable[[str], None]) -> None:
    """Install the servers that are missing. Raises CannotInstall."""
    missing = missing_servers()
    if not missing:
        return
    refuse_when_hopeless()
    prefix = privileged_prefix() or []
    say(f"installing {', '.join(PACKAGES[name] for name in missing)}")
    with _services_not_started(prefix):
        if not _apt_install(prefix, [PACKAGES[name] for name in missing]):
            raise CannotInstall(f"apt-get could not install them.\n{instructions(missing)}")
    if left := missing_servers():
        raise CannotInstall(instructions(left))


def install_browser(say: Callable[[str], None]) -> None:
    """Install Chromium if no browser for tests is there. Raises CannotInstall."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    prefix = privileged_prefix()
    say("installing chromium")
    if prefix is None or shutil.which("apt-get") is None or not _apt_install(prefix, ["chromium"]):
        raise CannotInstall("The browser tests need Chromium; for example: sudo apt-get install chromium")


def install_prometheus(say: Callable[[str], None]) -> None:
    """Install Prometheus with promtool for tests if it is not there. Raises CannotInstall."""
    if shutil.which("prometheus") and shutil.which("promtool"):
        return
    cannot = CannotInstall(
        "The tests of dashboards and alerts need Prometheus; for example: sudo apt-get install prometheus"
    )
    prefix = privileged_prefix()
    if prefix is None or shutil.which("apt-get") is None:
        raise cannot
    say("installing prometheus")
    with _services_not_started(prefix):
        if not _apt_install(prefix, ["prometheus"]):
            raise cannot


def _apt_install(prefix: Sequence[str], packages: Sequence[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"]
    install = [*apt, "--no-install-recommends", "install", *packages]
    if _quiet(install, environment):
        return True
    return _quiet([*apt, "update"], environment) and _quiet(install, environment)


def _quiet(command: Sequence[str], environment: dict[str, str]) -> bool:
    done = subprocess.run(list(command), env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def _services_not_started(prefix: Sequence[str]) -> Iterator[None]:
    kept = Path(f"{POLICY}.twotop-kept")
    had_policy = POLICY.exists()
    if had_policy:
        subprocess.run([*prefix, "mv", str(POLICY), str(kept)], check=True)
    try:
        write = [*prefix, "tee", str(POLICY)]
        subprocess.run(write, input=b"#!/bin/sh\nexit 101\n", stdout=subprocess.DEVNULL, check=True)
        subprocess.run([*prefix, "chmod", "755", str(POLICY)], check=True)
        yield
    finally:
        if had_policy:
            subprocess.run([*prefix, "mv", str(kept), str(POLICY)], check=False)
        else:
            subprocess.run([*prefix, "rm", "-f", str(POLICY)], check=False)
