"""Room for the bench: the cap of live sessions a table is lifted, as the limits of guests are by a setting."""

from __future__ import annotations

import asyncpg


async def lift_table_cap(session_api_database_url: str) -> None:
    """Let every table of the private system hold as many sessions as the bench needs."""
    connection = await asyncpg.connect(session_api_database_url)
    await connection.execute("UPDATE locations SET table_session_cap = 1000000")
    await connection.close()
