"""What an operator is told of a database that does not answer: once, and once more when its reason comes out."""

import asyncio

import pytest

from events import absence
from events.absence import Absence
from events.store import StoreUnavailableError


class DiskFullError(Exception):
    """As the driver names it."""


class ConnectionDoesNotExistError(Exception):
    """As the driver names it; says nothing of what to do."""


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Absence:
    monkeypatch.setattr(absence, "LATE_S", 0.0)
    return Absence(60.0)


async def ask_in_vain(away: Absence, reason: Exception) -> None:
    with pytest.raises(StoreUnavailableError), away.asking(asyncio.get_running_loop()):
        raise StoreUnavailableError("away") from reason


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


async def test_it_is_told_once_and_once_more_when_its_reason_comes_out(
    away: Absence, caplog: pytest.LogCaptureFixture
) -> None:
    for reason in (ConnectionDoesNotExistError(), ConnectionDoesNotExistError(), DiskFullError(), DiskFullError()):
        await ask_in_vain(away, reason)
    await ask_in_vain(away, ConnectionDoesNotExistError())
    first, second = said(caplog)
    assert first.startswith("the database does not answer (ConnectionDoesNotExistError): see that PostgreSQL runs")
    assert second.startswith("the database does not answer (DiskFullError): its disk is full: make room on it")


async def test_that_it_answers_again_is_told_once_and_the_next_absence_anew(
    away: Absence, caplog: pytest.LogCaptureFixture
) -> None:
    await ask_in_vain(away, DiskFullError())
    for _ in range(2):
        with away.asking(asyncio.get_running_loop()):
            pass
    await ask_in_vain(away, DiskFullError())
    assert [line.split(" (")[0].split(" after")[0] for line in said(caplog)] == [
        "the database does not answer",
        "the database answers again",
        "the database does not answer",
    ]
