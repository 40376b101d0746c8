"""Test support: real backends, waiting until a deadline, a clock, and the contract suite every service inherits."""
