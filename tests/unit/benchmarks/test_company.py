"""The benchmark of detectors side by side hears every block that it sends, alone and together."""

import pytest

from actors.vad import company
from benchmarks.hearing.company import side_by_side
from tests.recordings import conversation


@pytest.mark.parametrize("together", [True, False])
def test_every_block_of_every_session_is_heard_and_patience_is_as_before(together: bool) -> None:
    patience = company.PATIENCE_S
    assert side_by_side(conversation("tosse"), sessions=3, seconds=0.5, together=together) > 0
    assert patience == company.PATIENCE_S
