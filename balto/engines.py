"""The engines that the settings ask for: which speech-to-text and which understanding, in order of preference."""

import logging
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from actors.basket.catalogue import BasketCatalogue
from actors.llm.by_example import learnt
from actors.llm.encoder import encoder_installed, shared_encoder
from actors.llm.learnt_forms import with_learnt_forms
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.nearest import NearestExamples, shipped_examples
from actors.llm.remote import RemoteEncoder
from actors.llm.understanding import Understanding
from actors.llm.watchful import WatchfulUnderstanding
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import Transcriber
from actors.stt.vocabulary import PRODUCT_NAMES
from actors.stt.weights import Progress, WeightsError, ensure_weights
from actors.values import LexiconEntry
from balto.settings import Settings

logger = logging.getLogger(__name__)

TRANSCRIBERS: Final = ("elevenlabs", "assemblyai", "local")
"""Names of the speech-to-text engines that there are."""


class EngineError(Exception):
    """An engine that the settings ask for cannot be had; the message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """The engines of a process, each list in order of preference."""

    transcribers: tuple[Transcriber, ...]
    understandings: tuple[Understanding, ...]
    streaming: StreamingTranscriber | None = None
    """Hears phrases while they are said."""
    encoder: RemoteEncoder | None = None
    """In another process, where the understandings are to ask one there."""

    async def warm(self) -> None:
        """Load what is slow to load.

        Raises:
            EngineError: one of them cannot be loaded.
        """
        try:
            if self.encoder is not None:
                await self.encoder.warm()
            for engine in (*self._all(), *(() if self.streaming is None else (self.streaming,))):
                await engine.warm()
        except (ImportError, OSError) as error:
            raise EngineError(f"an engine cannot be loaded: {error}") from error

    async def close(self) -> None:
        """Release connections and threads."""
        if self.streaming is not None:
            # Before the engine whose connections it may use.
            await self.streaming.close()
        for engine in self._all():
            await engine.close()
        if self.encoder is not None:
            await self.encoder.close()

    def _all(self) -> tuple[Transcriber | Understanding, ...]:
        return (*self.transcribers, *self.understandings)


def prices() -> Mapping[str, Any]:
    """Return the dated price file, `balto/prices.toml`."""
    return tomllib.loads(Path(__file__).with_name("prices.toml").read_text(encoding="utf-8"))


def usd_per_hour(provider: str) -> float:
    """Return what a speech-to-text provider asks for an hour of audio; 0 for one that costs nothing."""
    return float(prices()["stt"].get(provider, {}).get("usd_per_hour", 0.0))


def live_usd_per_hour(settings: Settings, provider: str) -> float:
    """Return what a provider asks for an hour of phrases that it hears while they are said."""
    own = provider != "assemblyai" or settings.assemblyai_streaming == "socket"
    return float(prices()["stt_streaming"][provider]["usd_per_hour"]) if own else usd_per_hour(provider)


def build_engines(settings: Settings, baskets: BasketCatalogue, *, models: Path | None = None) -> Engines:
    """Build the engines; nothing is loaded yet.

    With a cloud engine, the local one stands behind it as the last resort where it is installed.

    Args:
        settings: which.
        baskets: name what speech-to-text listens for.
        models: where a process serves the local models; without it they are loaded here.

    Raises:
        EngineError: a key is missing for an engine that was asked for by name.
    """
    transcribers = build_transcribers(settings, standing_terms(baskets), models)
    encoder = RemoteEncoder(models) if models is not None and encoder_installed() else None
    return Engines(
        transcribers=transcribers,
        understandings=build_understandings(settings, baskets, encoder),
        encoder=encoder,
        streaming=build_streaming(settings, transcribers[0], standing_terms(baskets)),
    )


def standing_terms(baskets: BasketCatalogue) -> tuple[str, ...]:
    """Return the names that speech-to-text always listens for: the top sellers, then the file's medicines."""
    medicines = [entry for entry in baskets.lexicon if entry.kind == "medicine"]
    names = (name for entry in medicines for name in (entry.name, *entry.forms))
    return tuple(dict.fromkeys((*PRODUCT_NAMES, *(entry.name for entry in medicines), *names)))


def build_transcribers(
    settings: Settings, keyterms: Sequence[str] = PRODUCT_NAMES, models: Path | None = None
) -> tuple[Transcriber, ...]:
    """Build the speech-to-text engines in order of preference; raises as `build_engines`."""
    builders: dict[str, Callable[[Settings, Sequence[str]], Transcriber]] = {
        "elevenlabs": _elevenlabs,
        "assemblyai": _assemblyai,
        "local": _whisper if models is None else partial(_whisper_next_door, models),
    }
    return tuple(builders[name](settings, keyterms) for name in settings.transcribers)


def _elevenlabs(settings: Settings, keyterms: Sequence[str]) -> Transcriber:
    from actors.stt.elevenlabs import ElevenLabsTranscriber  # noqa: PLC0415 - only the configured engine is imported

    if settings.elevenlabs_api_key is None:
        raise EngineError("BALTO_STT=elevenlabs needs BALTO_ELEVENLABS_API_KEY")
    return ElevenLabsTranscriber(
        settings.elevenlabs_api_key.get_secret_value(),
        model=settings.elevenlabs_model,
        base_url=settings.elevenlabs_base_url,
        usd_per_hour=prices()["stt"]["elevenlabs"]["usd_per_hour"],
        keyterms=keyterms,
    )


def _assemblyai(settings: Settings, keyterms: Sequence[str]) -> Transcriber:
    from actors.stt.assemblyai import AssemblyAITranscriber  # noqa: PLC0415 - only the configured engine is imported

    if settings.assemblyai_api_key is None:
        raise EngineError("BALTO_STT=assemblyai needs BALTO_ASSEMBLYAI_API_KEY")
    return AssemblyAITranscriber(
        settings.assemblyai_api_key.get_secret_value(),
        model=settings.assemblyai_model,
        base_url=settings.assemblyai_base_url,
        usd_per_hour=prices()["stt"]["assemblyai"]["usd_per_hour"],
        keyterms=keyterms,
    )


def build_streaming(
    settings: Settings, preferred: Transcriber, terms: Sequence[str] = PRODUCT_NAMES
) -> StreamingTranscriber | None:
    """Build the engine that hears phrases while they are said: the preferred provider's; None where it has none."""
    if settings.stt_streaming == "off":
        return None
    if preferred.provider == "elevenlabs" and settings.elevenlabs_api_key is not None:
        from actors.stt.elevenlabs_realtime import ElevenLabsStreaming  # noqa: PLC0415 - only what is configured

        key, model = settings.elevenlabs_api_key.get_secret_value(), settings.elevenlabs_realtime_model
        return ElevenLabsStreaming(key, model, settings.elevenlabs_base_url, keyterms=terms)
    if preferred.provider == "assemblyai" and settings.assemblyai_api_key is not None:
        from actors.stt.assemblyai import AssemblyAITranscriber  # noqa: PLC0415 - only what is configured
        from actors.stt.assemblyai_streaming import AssemblyAIStreaming, AssemblyAIUpload  # noqa: PLC0415 - the same

        if isinstance(preferred, AssemblyAITranscriber) and settings.assemblyai_streaming == "upload":
            return AssemblyAIUpload(preferred)
        key, model = settings.assemblyai_api_key.get_secret_value(), settings.assemblyai_model
        return AssemblyAIStreaming(key, model, settings.assemblyai_base_url, keyterms=terms)
    logger.warning("phrases are not heard while they are said: %s hears whole ones only", preferred.provider)
    return None


def _whisper(settings: Settings, keyterms: Sequence[str]) -> Transcriber:
    from actors.stt.whisper import WhisperTranscriber  # noqa: PLC0415 - only the configured engine is imported

    return WhisperTranscriber(settings.whisper_weights, known=keyterms)


def _whisper_next_door(models: Path, settings: Settings, keyterms: Sequence[str]) -> Transcriber:
    from actors.stt.remote import RemoteWhisper  # noqa: PLC0415 - only the configured engine is imported

    return RemoteWhisper(models, settings.whisper_weights, known=keyterms)


def prepare_weights(settings: Settings, progress: Progress | None = None) -> None:
    """Assemble and verify the local model if it is the one in use; takes seconds the first time.

    Raises:
        EngineError: it is not installed, or not the trusted one.
    """
    if settings.whisper_model is not None:
        return
    try:
        ensure_weights(Path(settings.whisper_weights), progress)
    except WeightsError as error:
        raise EngineError(str(error)) from error


def build_understandings(
    settings: Settings,
    baskets: BasketCatalogue,
    encoder: RemoteEncoder | None = None,
    *,
    prompts: Mapping[str, str] | None = None,
) -> tuple[Understanding, ...]:
    """Build the understanding engines in order of preference, the lexicon last; raises as `build_engines`.

    All of them watch for the alarm signs of the baskets file before anything else.

    Args:
        settings: which engines are wanted.
        baskets: the catalogue.
        encoder: of the process of the local models; None for one in this process.
        prompts: other prompts than our own for a model, by stage: `normalise`, `classify`.
    """
    lexicon = watchful(offline_lexicon(baskets, remote=encoder), baskets)
    if "openai" not in settings.understandings:
        return (lexicon,)
    return (watchful(_openai(settings, baskets, prompts or {}), baskets), lexicon)


def offline_lexicon(
    baskets: BasketCatalogue, *, encoder: bool = True, remote: RemoteEncoder | None = None
) -> LexiconUnderstanding:
    """Build the lexicon engine, with example sentences for what the vocabulary of a catalogue does not name.

    Args:
        baskets: the catalogue.
        encoder: whether the sentence encoder may be used where it is installed; letters alone are compared otherwise.
        remote: the encoder of another process, instead of one of this process.
    """
    known = {name for entry in baskets.lexicon for name in (entry.name, *entry.forms)}
    meaning = (remote or shared_encoder()) if encoder and encoder_installed() else None
    nearest = NearestExamples(shipped_examples(known.__contains__), meaning)
    entries = with_learnt_forms(baskets.lexicon)
    return LexiconUnderstanding(entries, baskets.version, nearest=nearest, learnt=learnt)


@lru_cache(maxsize=1)
def plain_lexicon(entries: tuple[LexiconEntry, ...], version: str) -> LexiconUnderstanding:
    """Return the lexicon engine of a vocabulary alone, the same for all who ask; compiled in 0.1 s and 5 MB of memory.

    Args:
        entries: the vocabulary of a catalogue.
        version: of the catalogue.
    """
    return LexiconUnderstanding(entries, version)


def watchful(engine: Understanding, baskets: BasketCatalogue) -> Understanding:
    """Put the safety rules of a catalogue in front of an engine."""
    safety = baskets.safety
    return WatchfulUnderstanding(
        engine, safety.look, alarms=safety.alarm_names, names=safety.names, silences=safety.silence_names
    )


def _openai(settings: Settings, baskets: BasketCatalogue, prompts: Mapping[str, str]) -> Understanding:
    from actors.llm.openai import OpenAIUnderstanding  # noqa: PLC0415 - only the configured engine is imported

    if settings.openai_api_key is None:
        raise EngineError("BALTO_LLM=openai needs BALTO_OPENAI_API_KEY")
    return OpenAIUnderstanding(
        settings.openai_api_key.get_secret_value(),
        model=settings.openai_model,
        base_url=settings.openai_base_url,
        taxonomy=baskets.taxonomy,
        prices=prices()["llm"],
        prompts=prompts,
        at_once=at_once(settings, baskets),
    )


def at_once(settings: Settings, baskets: BasketCatalogue) -> Callable[[str], bool] | None:
    """Return what tells if a model asked for stage 1 is likely to be asked for stage 2; None for never at once."""
    if not settings.llm_at_once:
        return None
    if not settings.fast_path:
        return lambda _: True

    def is_likely(text: str) -> bool:
        return not plain_lexicon(baskets.lexicon, baskets.version).one_place(text)

    return is_likely
