"""Alembic's entry; the runner holds the connection and the lock."""

from twotop_common.service_defaults.migrations import run_env

run_env()
