"""Fixtures that every room may use, and how property tests choose their examples."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.postgres", "tests.remembering"]

# How long an example takes is the machine's affair, and what a change is judged by is the same for everybody: the
# examples of every run are those of the last. Others are looked for with `--hypothesis-profile exploring`.
settings.register_profile("settled", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("exploring", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("settled")
