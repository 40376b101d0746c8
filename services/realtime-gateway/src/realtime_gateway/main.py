"""The command line: ``realtime-gateway serve | migrate up | migrate down | openapi``."""

from __future__ import annotations

from fastapi import FastAPI

from realtime_gateway.bootstrap import build
from realtime_gateway.settings import GatewaySettings
from realtime_gateway.wire import GatewayProtocol
from twotop_common.service_defaults.app import create_app
from twotop_common.service_defaults.cli import make_cli
from twotop_common.service_defaults.health import Health

WIRE = f"{GatewayProtocol.__module__}:{GatewayProtocol.__qualname__}"


def openapi() -> FastAPI:
    """The HTTP side, which is only operations; the socket is described by AsyncAPI."""
    settings = GatewaySettings(environment="development")
    return create_app(settings, title="Twotop realtime gateway", health=Health(settings.service, []))


main = make_cli(GatewaySettings, build, package="realtime_gateway", openapi=openapi, ws=WIRE)
