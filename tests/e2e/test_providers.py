"""A whole Balto on simulated providers: nothing is lost to a fault, nothing asked off the record, nothing told on."""

import base64
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from actors.basket.catalogue import load_baskets
from actors.llm.openai import OpenAIUnderstanding
from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.transcriber import TranscriptionError
from actors.values import Pcm, Transcript
from balto.settings import OWN_BASKETS
from events.catalogue import (
    AttemptEnded,
    AttemptStarted,
    PhraseCaptured,
    RecommendationSent,
    RecommendationWithheld,
    TranscriptionReceived,
    TranscriptionRejected,
)
from events.postgres import PostgresStore
from tests.e2e.conftest import House, Open, converse, of_type
from tests.fakes import ScriptedTranscriber
from tests.recordings import conversation
from tests.simulators import openai
from tests.simulators.__main__ import lexical_answerer
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.speech import Fault, SpeechSimulator

KEYS = ("chave-da-eleven", "chave-da-assembly", "sk-chave-da-openai")
TELLTALE = "zoladrina"
SAID = f"bom dia, estou com dor de cabeça e trouxe a {TELLTALE}"
PCM = conversation("dor_de_cabeca")


@asynccontextmanager
async def on_providers(
    open_house: Open, first: Fault | None, second: Fault | None, head: openai.Fault | None
) -> AsyncIterator[House]:
    """Open a house whose engines are the real adapters; what stands behind them is scripted.

    Where one never answers, the next is asked soon, and is the last: it has all the time that it needs.
    """
    hurry = {"stt_hedge_s": 0.1} if first is Fault.SLOW else {}
    hurry |= {"llm_hedge_s": 0.1, "llm_budget_s": 0.5} if head is openai.Fault.SLOW else {}
    eleven: SpeechSimulator = ElevenLabsSimulator(key=KEYS[0], text=SAID, fault=first)
    assembly: SpeechSimulator = AssemblyAISimulator(key=KEYS[1], text=SAID, fault=second)
    model = openai.OpenAISimulator(lexical_answerer(), key=KEYS[2], fault=head)
    async with eleven.serving() as a, assembly.serving() as b, model.serving() as c:
        taxonomy = load_baskets(OWN_BASKETS).taxonomy
        ears = (
            ElevenLabsTranscriber(KEYS[0], "scribe_v2", a, 0.264),
            AssemblyAITranscriber(KEYS[1], "universal-3-5-pro", b, 0.3),
            *(() if first is Fault.SLOW else (ScriptedTranscriber(SAID, provider="last"),)),
        )
        heads = (OpenAIUnderstanding(KEYS[2], "gpt-6-luna", c, taxonomy=taxonomy),)
        async with open_house(*ears, heads=heads, **hurry) as house:
            yield house


def traces_of(audio: bytes) -> list[str]:
    """Return what a loud part of the audio looks like in a log: as a literal, as hex, as base64 at any alignment."""
    at = max(range(0, len(audio) - 48, 48), key=lambda i: len(set(audio[i : i + 48])))
    piece = audio[at : at + 48]
    return [repr(piece)[2:-1], piece.hex(), *(base64.b64encode(piece[n : n + 45]).decode() for n in range(3))]


@pytest.mark.parametrize(
    ("first", "second", "head", "heard_by"),
    [
        (None, None, None, "elevenlabs"),
        (Fault.SERVER_ERROR, None, openai.Fault.TRUNCATED, "assemblyai"),
        (Fault.SLOW, None, openai.Fault.SLOW, "assemblyai"),
        (Fault.BAD_JSON, Fault.HTML, openai.Fault.BROKEN_SCHEMA, "last"),
        (Fault.UNAUTHORISED, Fault.THROTTLED, openai.Fault.UNAUTHORISED, "last"),
        (Fault.CUT_SHORT, Fault.NO_TEXT, openai.Fault.REFUSAL, "last"),
        (Fault.NUL, None, None, "elevenlabs"),
        (Fault.SURROGATE, None, None, "elevenlabs"),
    ],
)
async def test_a_fault_loses_no_phrase_and_no_key_speech_or_audio_is_told(
    open_house: Open,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    first: Fault | None,
    second: Fault | None,
    head: openai.Fault | None,
    heard_by: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with on_providers(open_house, first, second, head) as house:
        answer = await converse(house, PCM.tobytes(), protocol=2)
        ((*recorded,),) = await house.ended()
    assert len(answer.of("recomendar")) == 1
    assert {event.provider for event in of_type(recorded, TranscriptionReceived)} == {heard_by}
    attempts = of_type(recorded, AttemptEnded)
    if head is not None:
        codes = {(a.engine, a.outcome) for a in attempts if a.step == "normalisation"}
        assert codes & {("openai", "failed"), ("openai", "cancelled")}
    out, err = capfd.readouterr()
    told = caplog.text + "".join(repr(vars(record)) for record in caplog.records) + out + err
    told += "".join(repr(attempt) for attempt in (*attempts, *of_type(recorded, AttemptStarted)))
    for secret in (*KEYS, TELLTALE, house.key, *traces_of(PCM.tobytes())):
        assert secret not in told


async def test_a_phrase_that_nobody_hears_ends_in_an_explained_event(open_house: Open) -> None:
    def down(provider: str) -> ScriptedTranscriber:
        return ScriptedTranscriber(TranscriptionError("transient", "no"), provider=provider)

    async with open_house(down("one"), down("two")) as house:
        await converse(house, PCM.tobytes(), protocol=2)
        ((*recorded,),) = await house.ended()
    captured = {event.phrase for event in of_type(recorded, PhraseCaptured)}
    explained = {event.phrase: event.reason for event in of_type(recorded, RecommendationWithheld)}
    assert captured
    assert explained == dict.fromkeys(captured, "transcription_failed")
    assert {a.engine for a in of_type(recorded, AttemptEnded)} == {"one", "two"}
    assert not of_type(recorded, TranscriptionRejected)
    assert not of_type(recorded, RecommendationSent)


class Inquisitive(ScriptedTranscriber):
    """Ears that look into the ledger whenever they are asked."""

    store: PostgresStore

    def __init__(self) -> None:
        super().__init__(provider="backup")
        self.found: list[int] = []

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        started = [e async for e in self.store.read_all(types=("AttemptStarted",))]
        self.found.append(len(started))
        return await super().transcribe(pcm, budget_s=budget_s)


async def test_a_backup_is_on_record_before_it_is_asked(open_house: Open) -> None:
    backup = Inquisitive()
    failing = ScriptedTranscriber(TranscriptionError("rejected", "no"), provider="first")
    async with open_house(failing, backup) as house:
        backup.store = house.balto.library.store
        await converse(house, conversation("dor_de_cabeca", "tosse").tobytes(), protocol=2)
        ((*recorded,),) = await house.ended()
    assert len(backup.found) >= 2
    assert all(seen >= asked for asked, seen in enumerate(backup.found, start=1))
    started = of_type(recorded, AttemptStarted)
    assert {(s.step, s.engine, s.why) for s in started if s.step == "transcription"} == {
        ("transcription", "backup", "failed")
    }
