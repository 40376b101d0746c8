"""The tests' servers in containers. Imported only when they are asked for."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from twotop_common.testing.servers import BROKER_IMAGE, POSTGRES_IMAGE, REDIS_IMAGE, Servers

POSTGRES_PASSWORD = secrets.token_hex(8)


@contextlib.contextmanager
def containers() -> Iterator[Servers]:
    """PostgreSQL, RabbitMQ and Redis in containers, as long as the context lasts."""
    # The context ends them; a reaper would be one more image to have.
    testcontainers_config.ryuk_disabled = True
    postgres = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", POSTGRES_PASSWORD)
        .with_command("postgres -c fsync=off -c max_connections=500")
        .with_exposed_ports(5432)
        .waiting_for(LogMessageWaitStrategy("database system is ready to accept connections", times=2))
    )
    broker = (
        DockerContainer(BROKER_IMAGE)
        .with_exposed_ports(5672, 15672)
        .waiting_for(LogMessageWaitStrategy("Server startup complete"))
    )
    redis = (
        DockerContainer(REDIS_IMAGE)
        .with_exposed_ports(6379)
        .waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    )
    with postgres, broker, redis:
        postgres_host = postgres.get_container_host_ip()
        broker_host = broker.get_container_host_ip()
        yield Servers(
            postgres=f"postgresql://postgres:{POSTGRES_PASSWORD}@{postgres_host}:{postgres.get_exposed_port(5432)}/postgres",
            broker=f"amqp://guest:guest@{broker_host}:{broker.get_exposed_port(5672)}/",
            broker_management=f"http://guest:guest@{broker_host}:{broker.get_exposed_port(15672)}",
            redis=f"redis://{redis.get_container_host_ip()}:{redis.get_exposed_port(6379)}/0",
        )
