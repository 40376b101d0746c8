"""The conversation-card game of a session: its rules only; the log and the phones are in ``sessions``."""
