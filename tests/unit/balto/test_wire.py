"""Events as messages for clients."""

from balto.web.wire import parse_handshake, to_client
from events.catalogue import PhraseDiscarded

GIVEN_UP = PhraseDiscarded(phrase=3, sample_start=100, sample_end=900, reason="too_short")


def test_speech_that_was_given_up_ends_for_whoever_was_told_that_it_began() -> None:
    wants_it = parse_handshake('{"api_key": "k", "protocol": 2, "want": ["vad"]}')
    assert to_client(GIVEN_UP, wants_it) == {
        "comando": "vad",
        "estado": "silencio",
        "frase": 3,
        "amostra": 900,
        "descartada": True,
    }
    assert to_client(GIVEN_UP, parse_handshake('{"api_key": "k", "protocol": 2}')) is None
