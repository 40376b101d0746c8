"""Pairings, the codes before them, the guards of tables, kept answers; outbox, inbox, flags.

Revision ID: 0001
Revises:
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from twotop_common.messaging.inbox import INBOX_DDL
from twotop_common.messaging.outbox import OUTBOX_DDL
from twotop_common.service_defaults.feature_flags import FLAGS_DDL

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _at(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "places",
        sa.Column("table_token", sa.Text(), primary_key=True),
        sa.Column("table_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("location_slug", sa.Text()),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("day_starts_at_hour", sa.Integer(), nullable=False),
    )
    op.create_table(
        "pairings",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("mode", sa.Text()),
        sa.Column("table_token", sa.Text()),
        sa.Column("table_id", sa.Uuid()),
        sa.Column("location_id", sa.Uuid()),
        sa.Column("participant_id", sa.Uuid()),
        sa.Column("credential_generation", sa.Integer(), nullable=False, server_default="0"),
        _at("credential_expires_at"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("code_hash", sa.Text()),
        _at("offered_at"),
        _at("expires_at"),
        sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("partner_id", sa.Uuid()),
        _at("matched_at"),
        sa.Column("partner_away", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("partner_left", sa.Boolean(), nullable=False, server_default=sa.false()),
        _at("partner_seen_at"),
        sa.Column("ended", sa.Text()),
        _at("ended_at"),
        sa.CheckConstraint(
            "status IN ('unknown', 'alone', 'waiting', 'paired', 'expired', 'withdrawn', 'cancelled')",
            name="pairings_status",
        ),
        sa.CheckConstraint(
            "status <> 'waiting' OR (code_hash IS NOT NULL AND expires_at IS NOT NULL AND table_id IS NOT NULL)",
            name="pairings_waiting_has_code",
        ),
        sa.CheckConstraint("status <> 'paired' OR partner_id IS NOT NULL", name="pairings_paired_has_partner"),
        sa.CheckConstraint("ended IN ('closed', 'expired')", name="pairings_ended"),
    )
    op.create_index(
        "pairings_by_code", "pairings", ["table_id", "code_hash"], postgresql_where=sa.text("code_hash IS NOT NULL")
    )
    op.create_index("pairings_waiting", "pairings", ["table_id"], postgresql_where=sa.text("status = 'waiting'"))
    op.create_index("pairings_ended", "pairings", ["ended_at"], postgresql_where=sa.text("ended_at IS NOT NULL"))
    op.create_index("pairings_outlived", "pairings", ["credential_expires_at"])
    op.create_table(
        "former_codes",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("generation", sa.Integer(), primary_key=True),
        sa.Column("table_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _at("expires_at", nullable=False),
    )
    op.create_index("former_codes_by_code", "former_codes", ["table_id", "code_hash"])
    op.create_table(
        "guards",
        sa.Column("table_id", sa.Uuid(), primary_key=True),
        sa.Column("service_day", sa.Date(), primary_key=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("unsure_tries", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("ix_guards_service_day", "guards", ["service_day"])
    op.create_table(
        "credential_generations",
        sa.Column("participant_id", sa.Uuid(), primary_key=True),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
    )
    op.create_index("ix_credential_generations_session_id", "credential_generations", ["session_id"])
    op.create_table(
        "answers",
        sa.Column("key_hash", sa.Text(), primary_key=True),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        _at("begun_at", nullable=False),
        sa.Column("session_id", sa.Uuid()),
        sa.Column("participant_id", sa.Uuid()),
        sa.Column("generation", sa.Integer()),
        sa.Column("code_key_id", sa.Text()),
        _at("answered_at"),
        _at("expires_at"),
    )
    op.create_index("ix_answers_begun_at", "answers", ["begun_at"])
    op.execute(FLAGS_DDL)
    op.execute(OUTBOX_DDL)
    for statement in INBOX_DDL.split(";"):
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "inbox",
        "outbox",
        "flags",
        "answers",
        "credential_generations",
        "guards",
        "former_codes",
        "pairings",
        "places",
    ):
        op.drop_table(table)
