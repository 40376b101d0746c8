"""Alembic's entry point; how migrations run is the same in every service."""

from twotop_common.service_defaults.migrations import run_env

run_env()
