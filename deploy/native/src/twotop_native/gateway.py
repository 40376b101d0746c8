"""A private nginx from the template that the Compose image uses too."""

import re
import resource
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from twotop_native.paths import running_as_root
from twotop_native.ports import LOOPBACK, answers
from twotop_native.processes import Program

_VARIABLE = re.compile(r"\$\{(TWOTOP_GATEWAY_[A-Z_]+)\}")
REQUESTS_PER_SECOND = 100


class TemplateVariableMissing(KeyError):
    """The template asks for a variable that was not given."""


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in `${TWOTOP_GATEWAY_…}`, as envsubst does in the Compose image. Raises TemplateVariableMissing."""

    def value_of(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            raise TemplateVariableMissing(match[1]) from None

    return _VARIABLE.sub(value_of, template)


def upstream(ports: Sequence[int]) -> str:
    """The `server` lines of an upstream. One that fails is left out for a second: it is being restarted."""
    return " ".join(f"server {LOOPBACK}:{port} max_fails=1 fail_timeout=1s;" for port in ports)


def socket_upstream(ports: Sequence[int]) -> str:
    """The `server` lines of an upstream of sockets. None is ever left out: the next is tried on each failure.

    nginx takes a server back when a request to it has ended well, and a socket does not end: a restarted instance
    would be given one phone a second.
    """
    return " ".join(f"server {LOOPBACK}:{port} max_fails=0;" for port in ports)


def open_files() -> int:
    """How many files and sockets nginx may have open: what the system allows, within reason."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(most, 65_536) if most > 0 else 65_536


@dataclass(frozen=True)
class Gateway:
    """Where nginx runs and what it routes to."""

    nginx: Path
    template: Path
    folder: Path
    web_root: Path
    port: int
    user: str | None
    session_api: Sequence[int]
    pairing: Sequence[int]
    realtime_gateway: Sequence[int]
    public_origin: str | None = None
    real_ip: str = ""
    limits: str = "on"
    requests_per_second: int = REQUESTS_PER_SECOND

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def configuration(self) -> Path:
        return self.folder / "nginx.conf"

    def variables(self) -> dict[str, str]:
        return {
            "TWOTOP_GATEWAY_USER": f"user {self.user};" if self.user else "",
            "TWOTOP_GATEWAY_WORKERS": "1",
            "TWOTOP_GATEWAY_FILES": str(open_files()),
            "TWOTOP_GATEWAY_RUN_DIR": str(self.folder),
            "TWOTOP_GATEWAY_WEB_ROOT": str(self.web_root),
            "TWOTOP_GATEWAY_LISTEN": f"{LOOPBACK}:{self.port}",
            "TWOTOP_GATEWAY_SOCKET_ORIGIN": (self.public_origin or self.url).replace("http", "ws", 1),
            "TWOTOP_GATEWAY_LIMITS": self.limits,
            "TWOTOP_GATEWAY_REQUESTS_PER_SECOND": str(self.requests_per_second),
            "TWOTOP_GATEWAY_REAL_IP": self.real_ip,
            "TWOTOP_GATEWAY_SESSION_API": upstream(self.session_api),
            "TWOTOP_GATEWAY_PAIRING": upstream(self.pairing),
            "TWOTOP_GATEWAY_REALTIME": socket_upstream(self.realtime_gateway),
        }

    def prepare(self) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if running_as_root():
            self.folder.chmod(0o711)
        self.configuration.write_text(render(self.template.read_text(), self.variables()))

    def program(self) -> Program:
        return Program(
            name="nginx",
            argv=[str(self.nginx), "-e", "stderr", "-c", str(self.configuration), "-g", "daemon off;"],
            stop_signal=signal.SIGQUIT,  # finishes what it is answering; worker_shutdown_timeout bounds it
            stop_seconds=12,
            ready=self._listens,
        )

    def _listens(self) -> bool:
        """Whether this nginx answers. It writes its pid once it has the port, which another server may have taken."""
        try:
            pid = int((self.folder / "nginx.pid").read_text())
        except (FileNotFoundError, ValueError):
            return False
        return psutil.pid_exists(pid) and answers(self.port)


def publish_web(built: Path, web_root: Path) -> None:
    """Copy the built app to where nginx's user can read it (a checkout may lie in a private folder)."""
    if built == web_root or not built.is_dir():
        return
    draft = web_root.with_name(web_root.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(built, draft)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    shutil.rmtree(web_root, ignore_errors=True)
    draft.replace(web_root)
