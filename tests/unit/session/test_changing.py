"""Changed copies of a session's values are those that `dataclasses.replace` makes."""

from dataclasses import fields, replace
from typing import Any

import pytest

from actors.session.changing import changed
from actors.session.conversation import Memory
from actors.session.phrase import PhraseState
from actors.session.state import SessionState

VALUES: tuple[Any, ...] = (SessionState(session_id="s", position=3), PhraseState(text="dor"), Memory(heard=4))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_any_field_may_be_changed_and_the_others_stay(value: Any) -> None:
    before = replace(value)
    for field in fields(value):
        assert changed(value, **{field.name: "new"}) == replace(value, **{field.name: "new"})
    assert changed(value) == value == before
    assert changed(value) is not value


def test_what_is_no_field_is_refused() -> None:
    with pytest.raises(KeyError):
        changed(VALUES[0], nope=1)
