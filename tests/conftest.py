"""What holds for all tests: those of hypothesis have no limit of time, for a busy machine exceeds any."""

from importlib.util import find_spec

# The tests inside the "camera" container do without hypothesis.
if find_spec("hypothesis"):
    from hypothesis import HealthCheck, settings

    settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("tests")
