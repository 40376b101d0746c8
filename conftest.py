"""What every test of the workspace runs with: real backends, and property tests that mind rules instead of clocks."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["twotop_common.testing.backends", "gateway_testing.fixtures"]

# A busy machine is slow, not wrong.
settings.register_profile("twotop", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("twotop")
