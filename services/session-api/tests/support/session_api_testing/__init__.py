"""What the tests of session-api share: small sessions, a running service, phones."""
