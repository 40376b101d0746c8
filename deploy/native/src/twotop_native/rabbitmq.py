"""A private RabbitMQ with a name server (epmd) of its own: no other Erlang system on the machine is involved."""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx

from twotop_native.ports import LOOPBACK, answers
from twotop_native.processes import Program
from twotop_native.servers import Binaries

USER = "twotop"
_PLUGINS = "[rabbitmq_management].\n"


@dataclass(frozen=True)
class RabbitMq:
    """Where it runs and how to reach it. Every port, Erlang's distribution included, is on loopback."""

    binaries: Binaries
    data: Path
    port: int
    management_port: int
    distribution_port: int
    epmd_port: int
    password: str
    user: str | None

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self.password}@{LOOPBACK}:{self.port}/"

    @property
    def management_url(self) -> str:
        return f"http://{USER}:{self.password}@{LOOPBACK}:{self.management_port}"

    def prepare(self) -> None:
        """Write the configuration; the node's own data is made by the server."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.data / "rabbitmq.conf").write_text(self._configuration())
        (self.data / "enabled_plugins").write_text(_PLUGINS)
        (self.data / "empty.env").write_text("")
        cookie = self.data / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        (self.data / "rabbitmq.conf").chmod(0o600)
        if self.user:
            for path in (self.data, *self.data.iterdir()):
                shutil.chown(path, self.user, self.user)
        self.data.chmod(0o700)

    def epmd_program(self) -> Program:
        return Program(
            name="epmd",
            argv=[str(self.binaries.epmd), "-port", str(self.epmd_port), "-address", LOOPBACK],
            user=self.user,
            ready=lambda: answers(self.epmd_port),
            stop_seconds=3,
        )

    def program(self) -> Program:
        data = str(self.data)
        return Program(
            name="rabbitmq",
            argv=[str(self.binaries.rabbitmq)],
            env={
                "HOME": data,
                "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, so its pid is the server's
                "RABBITMQ_CONF_ENV_FILE": f"{data}/empty.env",
                "RABBITMQ_CONFIG_FILE": f"{data}/rabbitmq.conf",
                "RABBITMQ_ADVANCED_CONFIG_FILE": f"{data}/none.config",
                "RABBITMQ_ENABLED_PLUGINS_FILE": f"{data}/enabled_plugins",
                "RABBITMQ_MNESIA_BASE": f"{data}/mnesia",
                "RABBITMQ_LOG_BASE": f"{data}/log",
                "RABBITMQ_GENERATED_CONFIG_DIR": f"{data}/generated",
                "RABBITMQ_PID_FILE": f"{data}/pid",
                "RABBITMQ_NODENAME": "twotop@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
                "RABBITMQ_NODE_PORT": str(self.port),
                "RABBITMQ_DIST_PORT": str(self.distribution_port),
                "ERL_EPMD_PORT": str(self.epmd_port),
                "ERL_EPMD_ADDRESS": LOOPBACK,
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
                "ERL_CRASH_DUMP_SECONDS": "0",
            },
            user=self.user,
            cwd=self.data,
            stop_seconds=30,
            ready=self._accepts,
            ready_seconds=90,
        )

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"listeners.tcp.1 = {LOOPBACK}:{self.port}",
                f"management.tcp.ip = {LOOPBACK}",
                f"management.tcp.port = {self.management_port}",
                "management_agent.disable_metrics_collector = true",
                f"default_user = {USER}",
                f"default_pass = {self.password}",
                "log.file = false",
                "log.console = true",
                "log.console.formatter = plaintext",
                # At info the server logs each connection's address.
                "log.console.level = warning",
                "log.connection.level = none",
                "disk_free_limit.absolute = 50MB",
                "vm_memory_high_watermark.absolute = 1GB",
                "",
            )
        )

    def _accepts(self) -> bool:
        if not answers(self.port):
            return False
        try:
            answer = httpx.get(f"{self.management_url}/api/whoami", timeout=2)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK
