"""Deadlines, outbox, inbox, flags.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from twotop_common.messaging.inbox import INBOX_DDL
from twotop_common.messaging.outbox import OUTBOX_DDL
from twotop_common.service_defaults.feature_flags import FLAGS_DDL

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deadlines",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("fires_at", sa.DateTime(timezone=True)),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("forget_at", sa.DateTime(timezone=True)),
    )
    op.create_index("deadlines_firing", "deadlines", ["fires_at"], postgresql_where=sa.text("fires_at IS NOT NULL"))
    op.create_index(
        "deadlines_forgettable", "deadlines", ["forget_at"], postgresql_where=sa.text("forget_at IS NOT NULL")
    )
    op.execute(OUTBOX_DDL)
    for statement in INBOX_DDL.split(";"):
        op.execute(statement)
    op.execute(FLAGS_DDL)


def downgrade() -> None:
    op.drop_table("flags")
    op.drop_table("inbox")
    op.drop_table("outbox")
    op.drop_table("deadlines")
