"""``session-api serve | migrate | openapi``: start and stop in order; a dead background task ends the process."""

from __future__ import annotations

from fastapi import FastAPI

from session_api.bootstrap import build, make_app
from session_api.settings import SessionApiSettings
from twotop_common.service_defaults.cli import make_cli
from twotop_common.service_defaults.health import Health
from twotop_common.service_defaults.settings import load_settings


def openapi() -> FastAPI:
    """The application without its adapters, for its API document."""
    settings = load_settings(SessionApiSettings, environment="test")
    return make_app(settings, Health(SessionApiSettings.service, []))


main = make_cli(SessionApiSettings, build, package="session_api", openapi=openapi)
