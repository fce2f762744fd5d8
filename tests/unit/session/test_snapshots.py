"""A session's state survives being written down in the middle: the rest folds to the same."""

import importlib
import linecache
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.session import state as session
from actors.session.phrase import PhraseState
from actors.session.state import SessionState, fold
from events.catalogue import Event, Item, RecommendationSent, event_types
from events.snapshots import JsonCodec
from tests.unit.session.given import VAD

CODEC = JsonCodec(SessionState, session)
# As events have them: no ledger holds any that JSON cannot, or that overflow when they are added up.
st.register_type_strategy(float, st.floats(-1e9, 1e9))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
FEW = st.integers(1, 3)
SENT = RecommendationSent(phrase=1, recommendation_id="a", basket="DOR/*", items=(Item(sugestao="s", explicacao="e"),))
OF_SESSIONS = [
    cls
    for cls in event_types().values()
    if cls.__module__.startswith("events.catalogue.") and cls.__name__ not in {"SessionStarted", "ReplayStarted"}
]


def an_event(cls: type[Event]) -> st.SearchStrategy[Event]:
    """An event about one of three phrases, so that events of one phrase meet."""
    chosen = {"phrase": FEW, "vad": st.just(VAD)}
    return st.builds(cls, **{name: values for name, values in chosen.items() if name in cls.__dataclass_fields__})


EVENTS = st.lists(st.one_of(*map(an_event, OF_SESSIONS)), max_size=25)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=EVENTS, cut=st.integers(0, 25))
def test_a_snapshot_with_the_rest_folded_in_is_the_fold_of_all(events: list[Event], cut: int) -> None:
    kept = CODEC.decode(CODEC.encode(fold(events[:cut])))
    assert fold(events[cut:], kept) == fold(events)


def test_a_state_comes_back_as_it_was() -> None:
    state = SessionState(
        session_id="s", open_phrases={7: PhraseState(stage="normalising", text="açúcar")}, undelivered={"a": SENT}
    )
    assert CODEC.decode(CODEC.encode(state)) == state


def test_another_form_or_another_fold_has_another_fingerprint() -> None:
    assert JsonCodec(SessionState, session).fingerprint == CODEC.fingerprint
    assert JsonCodec(PhraseState, session).fingerprint != CODEC.fingerprint
    assert JsonCodec(SessionState, st).fingerprint != CODEC.fingerprint


def test_a_fold_whose_file_is_replaced_under_a_running_process_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a_fold_of_the_test.py"
    source.write_text("FOLDS = 'as it did'\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(source.stem)
    monkeypatch.delitem(sys.modules, source.stem)
    running, same = JsonCodec(PhraseState, module), JsonCodec(PhraseState, module).fingerprint
    source.write_text("FOLDS = 'otherwise than it did'\n")
    linecache.checkcache()
    assert JsonCodec(PhraseState, module).fingerprint != same, "as the next process would see it"
    assert running.fingerprint == same
