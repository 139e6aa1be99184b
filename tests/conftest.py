"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No test is timed: machines are shared. A failing example is printed so that it can be repeated.
settings.register_profile(
    "kspec", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kspec")
