"""Renewals are found among the commands, to be forgotten after ten minutes.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX session_commands_renewals ON session_commands (session_id) WHERE key LIKE 'renew:%'")


def downgrade() -> None:
    op.execute("DROP INDEX session_commands_renewals")
