"""Registrations, tombstones, instances, outbox.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from twotop_common.messaging.outbox import OUTBOX_DDL

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("participant_id", sa.Uuid(), primary_key=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("has_left", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("connection", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("instance_id", sa.Uuid(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index(
        "ix_registrations_instance_id",
        "registrations",
        ["instance_id"],
        postgresql_where=sa.text("instance_id IS NOT NULL"),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "instances",
        sa.Column("instance_id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    )
    op.execute(OUTBOX_DDL)


def downgrade() -> None:
    op.drop_table("outbox")
    op.drop_table("instances")
    op.drop_table("ended_sessions")
    op.drop_table("registrations")
