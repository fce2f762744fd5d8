"""Fixtures that every room may use."""

pytest_plugins = ["tests.postgres", "tests.remembering"]
