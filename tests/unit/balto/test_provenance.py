"""What a session's start tells of its settings: the engines behind the preferred one too, and never a key."""

from typing import Any

import pytest

from balto.provenance import settings_of
from balto.settings import Settings


@pytest.mark.parametrize(
    ("given", "hearing", "understanding"),
    [
        ({}, ["local"], ["lexicon"]),
        ({"elevenlabs_api_key": "e", "assemblyai_api_key": "a"}, ["elevenlabs", "assemblyai", "local"], ["lexicon"]),
        ({"stt": "assemblyai", "assemblyai_api_key": "a", "stt_backup": "none"}, ["assemblyai"], ["lexicon"]),
        ({"openai_api_key": "o"}, ["local"], ["openai", "lexicon"]),
        ({"openai_api_key": "o", "llm": "lexicon"}, ["local"], ["lexicon"]),
    ],
)
def test_all_engines_are_told_in_their_order(
    given: dict[str, Any], hearing: list[str], understanding: list[str]
) -> None:
    told = settings_of(Settings(_env_file=None, **given))
    assert (told["stt_engines"], told["llm_engines"]) == (hearing, understanding)


def test_no_key_is_among_them() -> None:
    keys: dict[str, Any] = {
        "elevenlabs_api_key": "secret-e",
        "assemblyai_api_key": "secret-a",
        "openai_api_key": "secret-o",
    }
    assert "secret" not in str(settings_of(Settings(_env_file=None, **keys)))
