"""What the native stack consists of: which service runs how often, on which port, with which settings."""

import http.client
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twotop_native.backends import Backends, plan
from twotop_native.gateway import REQUESTS_PER_SECOND, Gateway
from twotop_native.paths import Layout, checkout_root
from twotop_native.ports import LOOPBACK, PortAllocator
from twotop_native.processes import Program
from twotop_native.servers import ServerMissing, find_program, user_for
from twotop_native.settings_file import keys_of, load_or_create

GATEWAY_PORT = int(os.environ.get("TWOTOP_GATEWAY_PORT", "8080"))
SERVICES = ("session-api", "pairing", "realtime-gateway", "cleanup-worker")


@dataclass(frozen=True)
class StartOptions:
    """What a caller may choose about a start."""

    throwaway: bool = False
    gateways: int = 1
    session_apis: int = 1
    port: int = GATEWAY_PORT
    demo: bool = True
    # Settings for every service, on top of the generated ones, e.g. TWOTOP_RATE_LIMITS_ENABLED=false.
    settings: Mapping[str, str] = field(default_factory=dict)
    owner: int | None = None  # pid of a process without which everything ends by itself

    def instances(self, service: str) -> int:
        return {"realtime-gateway": self.gateways, "session-api": self.session_apis}.get(service, 1)


def database_of(service: str) -> str:
    """The name of a service's database, and of its role."""
    return service.replace("-", "_")


@dataclass(frozen=True)
class Instance:
    """One process of a service."""

    service: str
    number: int
    port: int
    executable: Path
    env: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.service if self.number == 1 else f"{self.service}-{self.number}"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def program(self) -> Program:
        return Program(
            name=self.name,
            argv=[str(self.executable), "serve"],
            env=self.env,
            stop_seconds=20,
            ready=lambda: answers_ready(self.port),
        )


def answers_ready(port: int) -> bool:
    """Whether a service on this port calls itself ready."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Stack:
    """Everything that runs, planned before anything starts."""

    layout: Layout
    options: StartOptions
    backends: Backends
    gateway: Gateway
    instances: list[Instance]
    secrets: Mapping[str, str]

    @property
    def public_origin(self) -> str:
        """Where guests find the gateway: what a setting says, else its own address."""
        return self.service_env("session-api")["TWOTOP_PUBLIC_ORIGIN"]

    def database_passwords(self) -> dict[str, str]:
        """The password of each service's role."""
        return {database_of(s): self.secrets[f"{database_of(s).upper()}_DB_PASSWORD"] for s in SERVICES}

    def database_url(self, service: str) -> str:
        name = database_of(service)
        password = self.secrets[f"{name.upper()}_DB_PASSWORD"]
        return f"postgresql://{name}:{password}@{LOOPBACK}:{self.backends.postgres.port}/{name}"

    def service_env(self, service: str) -> dict[str, str]:
        """The settings of a service, port and instance name left out."""
        return _service_env(self.backends, self.secrets, self.options, self.gateway.url, service)


def _service_env(
    backends: Backends, known: Mapping[str, str], options: StartOptions, origin: str, service: str
) -> dict[str, str]:
    name = database_of(service)
    password = known[f"{name.upper()}_DB_PASSWORD"]
    defaults = {
        "TWOTOP_ENVIRONMENT": "development",
        "TWOTOP_PUBLIC_ORIGIN": origin,
        **keys_of(service, known),
    }
    chosen = {key: os.environ[key] for key in os.environ if key.startswith("TWOTOP_")}
    return {
        **defaults,
        **chosen,
        **options.settings,
        "TWOTOP_HOST": LOOPBACK,
        "TWOTOP_DATABASE_URL": f"postgresql://{name}:{password}@{LOOPBACK}:{backends.postgres.port}/{name}",
        "TWOTOP_BROKER_URL": backends.rabbitmq.url,
        "TWOTOP_REDIS_URL": backends.redis.url,
    }


def plan_stack(layout: Layout, options: StartOptions) -> Stack:
    """Choose ports, places and settings for everything. Raises ServerMissing."""
    ports = PortAllocator()
    known = load_or_create(layout.secrets_file, layout.data / "secrets.env")
    gateway_port = ports.take(options.port)
    backends = plan(layout, ports, throwaway=options.throwaway)
    origin = f"http://{LOOPBACK}:{gateway_port}"
    taken = {service: [ports.take() for _ in range(options.instances(service))] for service in SERVICES}
    executables = Path(sys.executable).parent
    instances = []
    for service in SERVICES:
        env = _service_env(backends, known, options, origin, service)
        env["TWOTOP_SESSION_API_URL"] = f"http://{LOOPBACK}:{taken['session-api'][0]}"
        for number, port in enumerate(taken[service], start=1):
            own = {"TWOTOP_PORT": str(port), "TWOTOP_INSTANCE": f"{service}-{number}"}
            instances.append(Instance(service, number, port, executables / service, {**env, **own}))
    return Stack(layout, options, backends, _gateway(layout, options, gateway_port, taken), instances, known)


def _gateway(layout: Layout, options: StartOptions, port: int, taken: Mapping[str, list[int]]) -> Gateway:
    nginx = find_program("nginx")
    if nginx is None:
        raise ServerMissing("nginx")
    chosen = {**os.environ, **options.settings}
    return Gateway(
        nginx=nginx,
        template=checkout_root() / "deploy" / "gateway" / "nginx.conf.template",
        folder=layout.data / "nginx",
        web_root=layout.data / "web",
        port=port,
        user=user_for("nginx"),
        session_api=taken["session-api"],
        pairing=taken["pairing"],
        realtime_gateway=taken["realtime-gateway"],
        public_origin=chosen.get("TWOTOP_PUBLIC_ORIGIN"),
        real_ip=chosen.get("TWOTOP_GATEWAY_REAL_IP", ""),
        requests_per_second=int(chosen.get("TWOTOP_GATEWAY_REQUESTS_PER_SECOND", REQUESTS_PER_SECOND)),
        limits=chosen.get("TWOTOP_GATEWAY_LIMITS") or chosen.get("TWOTOP_RATE_LIMITS_ENABLED") or "on",
    )
