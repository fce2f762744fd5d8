"""What `balto stream` shows a person of a server's messages."""

import pytest

from balto.cli.serving import show_message
from balto.client import Outcome


def outcome(reason: str) -> Outcome:
    words = "Chame o farmacêutico." if reason == "refer_to_pharmacist" else "Nada foi pedido."
    return Outcome(raw={}, phrase=1, result="sem_sugestao", reason=reason, message=words, together_with=None)


def test_a_referral_is_shown_and_what_came_to_nothing_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    show_message(outcome("nothing_asked"))
    show_message(outcome("refer_to_pharmacist"))
    assert capsys.readouterr().out.split() == ["→", "Chame", "o", "farmacêutico."]
