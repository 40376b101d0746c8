"""The head says since when a wish waits, and for whom.

A wish that waits now is known with the next command of its session, or when it is made again.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("session_heads", sa.Column("waiting_since", sa.DateTime(timezone=True)))
    op.add_column("session_heads", sa.Column("awaited", ARRAY(sa.Uuid())))
    op.drop_table("waiting_wishes")


def downgrade() -> None:
    op.create_table(
        "waiting_wishes",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.execute(
        "INSERT INTO waiting_wishes SELECT session_id, coalesce(waiting_since, active_at) "
        "FROM session_heads WHERE awaited IS NOT NULL"
    )
    op.drop_column("session_heads", "awaited")
    op.drop_column("session_heads", "waiting_since")
