"""Anonymous counts made from the log's events: no session, participant or table is ever named."""
