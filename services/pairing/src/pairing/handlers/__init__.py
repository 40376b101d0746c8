"""Use cases, one module each; one transaction for each effect, with its outbox rows in it."""
