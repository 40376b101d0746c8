"""Test support of pairing: sessions at tables, without session-api."""
