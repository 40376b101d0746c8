"""Real backends for every integration test of the workspace."""

pytest_plugins = ["twotop_common.testing.backends", "gateway_testing.fixtures"]
