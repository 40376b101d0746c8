"""A second phone that can only poll is here for 30 s after each of its requests.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pairings", sa.Column("partner_polled_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("pairings", "partner_polled_at")
