"""Question sets, and when phones were last heard of.

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
    op.create_table(
        "question_sets",
        sa.Column("context", sa.Text(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("context IN ('exploring', 'established', 'mature')", name="question_sets_context"),
        sa.CheckConstraint("version >= 1", name="question_sets_version"),
    )
    op.create_table(
        "sightings",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("participant_id", sa.Uuid(), primary_key=True),
        sa.Column("connected_at", sa.DateTime(timezone=True)),
        sa.Column("gone_at", sa.DateTime(timezone=True)),
        sa.Column("polled_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "waiting_wishes",
        sa.Column("session_id", sa.Uuid(), primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("waiting_wishes")
    op.drop_table("sightings")
    op.drop_table("question_sets")
