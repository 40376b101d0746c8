"""What the gateway's tests need: an owner of sessions to talk to, gateways to start, and phones."""
