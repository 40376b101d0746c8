"""Guards count by table token, so that a table of which nothing is known yet counts like any other.

Revision ID: 0002
Revises: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("guards_by_id")
    _create(sa.Column("table_token", sa.Text(), primary_key=True))
    op.execute(
        """
        INSERT INTO guards (table_token, service_day, wrong_tries, unsure_tries)
        SELECT place.table_token, old.service_day, old.wrong_tries, old.unsure_tries
        FROM guards_by_id AS old JOIN places AS place USING (table_id)
        """
    )
    op.drop_table("guards_by_id")


def downgrade() -> None:
    _rename("guards_by_token")
    _create(sa.Column("table_id", sa.Uuid(), primary_key=True))
    op.execute(
        """
        INSERT INTO guards (table_id, service_day, wrong_tries, unsure_tries)
        SELECT place.table_id, old.service_day, max(old.wrong_tries), max(old.unsure_tries)
        FROM guards_by_token AS old JOIN places AS place USING (table_token)
        GROUP BY place.table_id, old.service_day
        """
    )
    op.drop_table("guards_by_token")


def _rename(name: str) -> None:
    op.drop_index("ix_guards_service_day", "guards")
    op.drop_constraint("guards_pkey", "guards")
    op.rename_table("guards", name)


def _create(key: sa.Column[Any]) -> None:
    op.create_table(
        "guards",
        key,
        sa.Column("service_day", sa.Date(), primary_key=True),
        sa.Column("wrong_tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("unsure_tries", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_index("ix_guards_service_day", "guards", ["service_day"])
