"""More patience than the product has: a database of a test that is slow is not away, however busy the machine is."""

import pytest

_LONG_S = 60.0


def with_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for read models; a test that is about too long a wait sets its own."""
    monkeypatch.setattr("projections.database.QUERY_TIMEOUT_S", _LONG_S)


def at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for what the door looks up too."""
    with_the_database(monkeypatch)
    monkeypatch.setattr("balto.web.gate._LOOKUP_PATIENCE_S", _LONG_S)
    monkeypatch.setattr("balto.web.socket._LOOKUP_S", _LONG_S)
