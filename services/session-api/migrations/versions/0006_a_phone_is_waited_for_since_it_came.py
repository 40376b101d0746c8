"""Since when a wish waits no longer matters: the log says since when the phone it waits for has had its place.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("session_heads", "waiting_since")


def downgrade() -> None:
    op.add_column("session_heads", sa.Column("waiting_since", sa.DateTime(timezone=True)))
    op.execute("UPDATE session_heads SET waiting_since = active_at WHERE awaited IS NOT NULL")
