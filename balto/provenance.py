"""What the start of each session records of the program that hears it: versions and settings."""

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from actors.basket.catalogue import BasketCatalogue
from actors.session.terms import KEY, Terms
from actors.vad.silero import speech_model
from balto.settings import Settings


def versions_of(baskets: BasketCatalogue) -> dict[str, str]:
    """Return which versions of what decides are at work."""
    neural = speech_model()
    return {"balto": _own_version(), "baskets": baskets.version, "vad": "none" if neural is None else neural.name}


@cache
def _own_version() -> str:
    return version("balto")


def settings_of(settings: Settings) -> dict[str, Any]:
    """Return what decisions of a session can depend on; never a key."""
    return {
        "stt": settings.stt,
        "stt_engines": list(settings.transcribers),
        "llm": settings.llm,
        "llm_engines": list(settings.understandings),
        "stt_budget_s": settings.stt_budget_s,
        "llm_budget_s": settings.llm_budget_s,
        "stt_hedge_s": settings.stt_hedge_s,
        "stt_streaming": settings.stt_streaming,
        "llm_hedge_s": settings.llm_hedge_s,
        "llm_at_once": settings.llm_at_once,
        "gather_ms": settings.gather_ms,
        "cooldown_s": settings.cooldown_s,
        "conversation_silence_s": settings.conversation_silence_s,
        KEY: Terms(
            fast_path=settings.fast_path,
            compare=settings.stt_compare,
            cheaper_snr_db=settings.stt_cheaper_snr_db,
            cheaper_s=settings.stt_cheaper_s,
        ).recorded(),
        "baskets": Path(settings.baskets).name,
    }
