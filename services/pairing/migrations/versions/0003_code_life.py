"""A further code lives as long as the first one of its location, not as long as one setting says for all.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default is for sessions that began before, and for instances before this version that write beside new ones.
    op.add_column("pairings", sa.Column("code_life_s", sa.Integer(), nullable=False, server_default="600"))


def downgrade() -> None:
    op.drop_column("pairings", "code_life_s")
