"""``cleanup-worker serve | migrate``: start and stop in order; a dead background task ends the process."""

from __future__ import annotations

from cleanup_worker.bootstrap import build
from cleanup_worker.settings import CleanupSettings
from twotop_common.service_defaults.cli import make_cli

main = make_cli(CleanupSettings, build, package="cleanup_worker")
