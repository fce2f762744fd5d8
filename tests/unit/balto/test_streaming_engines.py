"""Which engine hears phrases while they are said, and what that costs, by the settings."""

from typing import Any

import pytest

from actors.stt.assemblyai_streaming import AssemblyAIStreaming, AssemblyAIUpload
from actors.stt.elevenlabs_realtime import ElevenLabsStreaming
from balto.engines import build_streaming, build_transcribers, live_usd_per_hour
from balto.settings import Settings

ELEVEN, ASSEMBLY = {"elevenlabs_api_key": "a"}, {"assemblyai_api_key": "b"}


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **{"stt_streaming": "auto", **given})


@pytest.mark.parametrize(
    ("given", "kind", "usd_per_hour"),
    [
        (ELEVEN, ElevenLabsStreaming, 0.39),
        ({**ELEVEN, **ASSEMBLY}, ElevenLabsStreaming, 0.39),
        ({**ELEVEN, **ASSEMBLY, "stt": "assemblyai"}, AssemblyAIUpload, 0.30),
        (ASSEMBLY, AssemblyAIUpload, 0.30),
        ({**ASSEMBLY, "assemblyai_streaming": "socket"}, AssemblyAIStreaming, 0.45),
    ],
)
def test_it_is_the_preferred_providers(given: dict[str, Any], kind: type, usd_per_hour: float) -> None:
    chosen = settings(**given)
    preferred = build_transcribers(chosen)[0]
    engine = build_streaming(chosen, preferred)
    assert engine is not None
    assert isinstance(engine, kind)
    assert live_usd_per_hour(chosen, engine.provider) == usd_per_hour
    # Events tell the two apart by their models.
    assert engine.provider == preferred.provider
    assert engine.model != preferred.model


@pytest.mark.parametrize("given", [{}, {**ELEVEN, "stt": "local"}])
def test_there_is_none_where_the_preferred_engine_has_none_and_the_operator_is_told(
    given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    chosen = settings(**given)
    assert build_streaming(chosen, build_transcribers(chosen)[0]) is None
    assert "local hears whole ones only" in caplog.text


def test_there_is_none_where_none_is_wanted(caplog: pytest.LogCaptureFixture) -> None:
    chosen = settings(**ELEVEN, stt_streaming="off")
    assert build_streaming(chosen, build_transcribers(chosen)[0]) is None
    assert not caplog.text
