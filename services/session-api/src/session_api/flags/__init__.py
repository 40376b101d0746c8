"""Feature flags as an operator changes them: here, and announced to every service."""
