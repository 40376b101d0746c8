"""``pairing serve | migrate | openapi``: start and stop in order; a dead background task ends the process."""

from __future__ import annotations

from pairing.bootstrap import build, openapi_app
from pairing.settings import PairingSettings
from twotop_common.service_defaults.cli import make_cli

main = make_cli(PairingSettings, build, package="pairing", openapi=openapi_app)
