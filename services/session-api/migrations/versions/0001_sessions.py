"""Sessions: heads, logs, commands, recent creations; outbox, flags.

Revision ID: 0001
Revises:
"""

from alembic import op

from twotop_common.messaging.outbox import OUTBOX_DDL
from twotop_common.service_defaults.feature_flags import FLAGS_DDL

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(OUTBOX_DDL)
    op.execute(FLAGS_DDL)
    op.execute(
        """
        CREATE TABLE session_heads (
            session_id uuid PRIMARY KEY,
            location_id uuid NOT NULL,
            table_id uuid NOT NULL,
            mode text NOT NULL,
            state text NOT NULL,
            last_seq integer NOT NULL CHECK (last_seq >= 1),
            code_version integer NOT NULL,
            document json NOT NULL,
            created_at timestamptz NOT NULL,
            active_at timestamptz NOT NULL,
            due_at timestamptz NOT NULL,
            ended_at timestamptz
        ) WITH (fillfactor = 70)
        """
    )
    op.execute("CREATE INDEX session_heads_live_by_table ON session_heads (table_id) WHERE ended_at IS NULL")
    op.execute(
        """
        CREATE TABLE session_events (
            session_id uuid NOT NULL,
            seq integer NOT NULL CHECK (seq >= 1),
            type text NOT NULL,
            version integer NOT NULL,
            data json NOT NULL,
            at timestamptz NOT NULL,
            by text NOT NULL,
            command_id text,
            PRIMARY KEY (session_id, seq)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE session_commands (
            session_id uuid NOT NULL,
            actor text NOT NULL,
            key text NOT NULL,
            body_hash bytea NOT NULL,
            first_seq integer,
            last_seq integer NOT NULL,
            PRIMARY KEY (session_id, actor, key)
        )
        """
    )
    op.execute(
        """
        CREATE TABLE creations (
            key_hash text PRIMARY KEY,
            body_hash bytea NOT NULL,
            session_id uuid NOT NULL,
            code_key_id text,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX creations_expires_at ON creations (expires_at)")


def downgrade() -> None:
    for table in ("creations", "session_commands", "session_events", "session_heads", "flags", "outbox"):
        op.execute(f"DROP TABLE {table}")
