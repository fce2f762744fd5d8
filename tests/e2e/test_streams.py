"""Phrases heard while they are said, over real sockets, with the real adapters on simulated providers."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.stt.assemblyai import AssemblyAITranscriber
from actors.stt.assemblyai_streaming import AssemblyAIStreaming, AssemblyAIUpload
from actors.stt.elevenlabs import ElevenLabsTranscriber
from actors.stt.elevenlabs_realtime import ElevenLabsStreaming
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import Transcriber
from actors.values import Pcm
from balto.accounts import register_client, register_counter
from balto.app import open_balto
from balto.settings import Settings
from balto.web.server import serving
from events.catalogue import (
    AttemptEnded,
    OfferTranscribed,
    PhraseCaptured,
    PhraseOffered,
    PhraseOfferWithdrawn,
    RecommendationSent,
    TranscriptionReceived,
    TranscriptionStreamClosed,
    TranscriptionStreamOpened,
)
from events.envelope import RecordedEvent
from tests.e2e.conftest import UNHURRIED, House, Open, converse, of_type
from tests.e2e.counting import break_line, line
from tests.e2e.test_offers import ALONE, PAUSE_END, SAID, finish, send, until_recorded
from tests.e2e.test_providers import traces_of
from tests.recordings import conversation, wav
from tests.simulators.assemblyai import AssemblyAISimulator
from tests.simulators.elevenlabs import ElevenLabsSimulator
from tests.simulators.live import LiveFault
from tests.simulators.speech import Fault, SpeechSimulator

TEXT = "estou com dor de cabeça"
USD_PER_HOUR = {"elevenlabs": 0.39, "upload": 0.30, "socket": 0.45}


@dataclass
class Heard:
    """A house on one simulated provider, whose streams come first and whose requests come second."""

    house: House
    provider: SpeechSimulator


@asynccontextmanager
async def hearing(open_house: Open, kind: str = "elevenlabs", **settings: float) -> AsyncIterator[Heard]:
    provider: SpeechSimulator = (
        ElevenLabsSimulator(text=TEXT) if kind == "elevenlabs" else AssemblyAISimulator(text=TEXT)
    )
    async with provider.serving() as url:
        ears: Transcriber
        streaming: StreamingTranscriber
        if kind == "elevenlabs":
            ears = ElevenLabsTranscriber(provider.key, "scribe_v2", url, 0.264)
            streaming = ElevenLabsStreaming(provider.key, provider.live.model, url)
        else:
            ears = assembly = AssemblyAITranscriber(provider.key, "universal-3-5-pro", url, 0.3)
            streaming = AssemblyAIUpload(assembly)
            if kind == "socket":
                streaming = AssemblyAIStreaming(provider.key, provider.live.model, url)
        way = "socket" if kind == "socket" else "upload"
        async with open_house(ears, streaming=streaming, assemblyai_streaming=way, **settings) as house:
            yield Heard(house, provider)


async def say(heard: Heard, said: Pcm = ALONE, paused_at: int | None = None) -> list[RecordedEvent]:
    """Say something as a counter does, waiting at a pause until what was offered there is written down."""
    async with line(heard.house) as one:
        if paused_at is not None:
            await send(one, 0, paused_at, said)
            await until_recorded(heard.house, one, OfferTranscribed)
        await send(one, paused_at or 0, len(said), said)
        await finish(one)
    ((*recorded,),) = await heard.house.ended()
    return recorded


def order(recorded: list[RecordedEvent]) -> list[str]:
    return [type(each.event).__name__ for each in recorded]


def counted(recorded: list[RecordedEvent]) -> float:
    return sum(getattr(each.event, "cost_usd", 0.0) for each in recorded)


@pytest.mark.parametrize("kind", ["elevenlabs", "upload", "socket"])
async def test_a_phrase_is_heard_while_it_is_said_and_its_cost_counted_once(open_house: Open, kind: str) -> None:
    async with hearing(open_house, kind) as heard:
        recorded = await say(heard, paused_at=PAUSE_END)
    (opened,) = of_type(recorded, TranscriptionStreamOpened)
    (closed,) = of_type(recorded, TranscriptionStreamClosed)
    (captured,) = of_type(recorded, PhraseCaptured)
    (received,) = of_type(recorded, TranscriptionReceived)
    assert len(of_type(recorded, RecommendationSent)) == 1
    assert (received.text, received.provider, received.model) == (TEXT, opened.provider, opened.model)
    assert (opened.sample_start, closed.sample_end) == (captured.sample_start, captured.sample_end)
    assert {(e.provider, e.model) for e in of_type(recorded, PhraseOffered)} == {(opened.provider, opened.model)}
    assert closed.outcome == "answered"
    seconds = (captured.sample_end - captured.sample_start) / 16_000
    assert counted(recorded) == pytest.approx(seconds / 3600 * USD_PER_HOUR[kind])
    assert not of_type(recorded, AttemptEnded)
    names = order(recorded)
    assert names.index("SpeechStarted") < names.index("TranscriptionStreamOpened") < names.index("PhraseOffered")
    whole = ALONE[captured.sample_start : captured.sample_end].astype("<i2").tobytes()
    if kind == "upload":
        assert [bytes(call.audio) for call in heard.provider.calls] == [whole]
        assert heard.provider.requests == 1
    else:
        assert [bytes(call.audio) for call in heard.provider.live.calls] == [whole]
        assert heard.provider.requests == 0


@pytest.mark.parametrize("kind", ["elevenlabs", "socket"])
async def test_a_stream_hears_on_after_a_pause_and_nothing_is_sent_twice(open_house: Open, kind: str) -> None:
    async with hearing(open_house, kind) as heard:
        recorded = await say(heard, SAID, PAUSE_END)
    (captured,) = of_type(recorded, PhraseCaptured)
    (received,) = of_type(recorded, TranscriptionReceived)
    assert {event.reason for event in of_type(recorded, PhraseOfferWithdrawn)} == {"speech_went_on"}
    (call,) = heard.provider.live.calls
    assert bytes(call.audio) == SAID[captured.sample_start : captured.sample_end].astype("<i2").tobytes()
    assert received.text == " ".join([TEXT] * len(call.commits))
    assert [event.outcome for event in of_type(recorded, TranscriptionStreamClosed)] == ["answered"]
    seconds = (captured.sample_end - captured.sample_start) / 16_000
    assert counted(recorded) == pytest.approx(seconds / 3600 * USD_PER_HOUR[kind])
    assert heard.provider.requests == 0


async def test_an_upload_that_a_pause_completed_is_counted_and_the_whole_phrase_asked_for(open_house: Open) -> None:
    async with hearing(open_house, "upload") as heard:
        recorded = await say(heard, SAID, PAUSE_END)
    (captured,) = of_type(recorded, PhraseCaptured)
    (received,) = of_type(recorded, TranscriptionReceived)
    assert (received.text, received.model) == (TEXT, "universal-3-5-pro")
    assert [event.outcome for event in of_type(recorded, TranscriptionStreamClosed)] == ["discarded"]
    assert len(heard.provider.calls[-1].audio) == 2 * (captured.sample_end - captured.sample_start)


@pytest.mark.parametrize(
    "fault",
    [LiveFault.CUT_SHORT, LiveFault.UNANSWERED, LiveFault.SERVER_ERROR, LiveFault.SLOW, LiveFault.BROKEN_OFF],
)
async def test_a_stream_that_dies_is_backed_up_by_a_request_within_the_phrase(
    open_house: Open, fault: LiveFault
) -> None:
    silent = fault in {LiveFault.UNANSWERED, LiveFault.SLOW}
    async with hearing(open_house, stt_hedge_s=0.3 if silent else UNHURRIED["stt_hedge_s"]) as heard:
        heard.provider.live.fault = fault
        recorded = await say(heard, paused_at=PAUSE_END)
    (received,) = of_type(recorded, TranscriptionReceived)
    assert (received.text, received.model) == (TEXT, "scribe_v2")
    assert len(of_type(recorded, RecommendationSent)) == 1
    (closed,) = of_type(recorded, TranscriptionStreamClosed)
    assert (closed.outcome, closed.model) == ("failed", "scribe_v2_realtime")
    assert [(a.model, a.attempt) for a in of_type(recorded, AttemptEnded)] == [("scribe_v2_realtime", 1)]
    (captured,) = of_type(recorded, PhraseCaptured)
    seconds = (captured.sample_end - captured.sample_start) / 16_000
    assert counted(recorded) == pytest.approx(seconds / 3600 * (0.39 + 0.264))
    assert heard.provider.live.opened == heard.provider.requests == 1


async def test_a_provider_that_is_down_altogether_ends_the_phrase_in_an_explained_event(open_house: Open) -> None:
    async with hearing(open_house) as heard:
        heard.provider.live.fault = LiveFault.SERVER_ERROR
        heard.provider.fault = Fault.SERVER_ERROR
        async with line(heard.house) as one:
            await send(one, 0, len(ALONE), ALONE)
            await finish(one)
        ((*recorded,),) = await heard.house.ended()
    assert "RecommendationWithheld" in order(recorded)
    assert [event.outcome for event in of_type(recorded, TranscriptionStreamClosed)] == ["failed"]


async def test_a_session_taken_up_elsewhere_opens_no_stream_again(open_house: Open) -> None:
    async with hearing(open_house) as heard:
        here = heard.house
        async with line(here) as first:
            await send(first, 0, 16_000 + 32_000, ALONE)
            await until_recorded(here, first, TranscriptionStreamOpened)
            # That it is to be opened is on record before it is opened; how long it was, once its audio is.
            await asyncio.wait_for(heard.provider.live.reached.wait(), 60)
            await first.until_acknowledged(2 * (16_000 + 12_000))
            for ref in list(here.balto.sessions._region._refs.values()):
                ref.actor_stopped.set()  # as good as a killed process: not another word from it
            await break_line(first)
            streams = heard.provider.live.opened
            async with hearing(lambda *a, **k: open_house(*a, client_email="other@b.example", **k)) as second:
                second.house.key = here.key
                async with line(second.house, first) as one:
                    await send(one, one.ready["offset"] // 2, len(ALONE), ALONE)
                    await finish(one)
                ((*recorded,),) = await second.house.ended()
    assert streams == 1
    assert len(of_type(recorded, TranscriptionStreamOpened)) == 1
    (closed,) = of_type(recorded, TranscriptionStreamClosed)
    assert closed.outcome == "lost"
    assert closed.cost_usd > 0
    (received,) = of_type(recorded, TranscriptionReceived)
    assert (received.text, received.model) == (TEXT, "scribe_v2")
    assert second.provider.live.opened == 0


async def test_an_open_stream_is_closed_when_its_client_is_gone_for_good(open_house: Open) -> None:
    async with hearing(open_house) as heard:
        async with line(heard.house, data=b"") as one:
            await send(one, 0, 16_000 + 16_000, ALONE)
            await asyncio.wait_for(heard.provider.live.reached.wait(), 60)
            await finish(one)
        await asyncio.wait_for(heard.provider.live.left.wait(), 60)
        ((*recorded,),) = await heard.house.ended()
    assert len(of_type(recorded, TranscriptionStreamClosed)) == len(of_type(recorded, TranscriptionStreamOpened)) == 1


@pytest.mark.parametrize("kind", ["elevenlabs", "upload", "socket"])
@pytest.mark.parametrize("fault", [None, LiveFault.FAILED, LiveFault.CUT_SHORT, LiveFault.MISSING_FIELDS])
async def test_neither_key_nor_speech_nor_audio_is_told_of_a_stream(
    open_house: Open,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    kind: str,
    fault: LiveFault | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with hearing(open_house, kind) as heard:
        heard.provider.live.fault = fault
        recorded = await say(heard, paused_at=PAUSE_END)
    assert len(of_type(recorded, RecommendationSent)) == 1
    out, err = capfd.readouterr()
    told = caplog.text + "".join(repr(vars(record)) for record in caplog.records) + out + err
    streams = (TranscriptionStreamOpened, TranscriptionStreamClosed, AttemptEnded)
    told += "".join(repr(each.event) for each in recorded if isinstance(each.event, streams))
    for secret in (heard.provider.key, TEXT, heard.house.key, *traces_of(ALONE.tobytes())):
        assert secret not in told


async def test_the_settings_alone_have_a_spoken_file_heard_while_it_is_said(postgres_url: str, tmp_path: Path) -> None:
    provider = ElevenLabsSimulator(text=TEXT)
    async with provider.serving() as place:
        settings = Settings(
            _env_file=None,
            port=0,
            data_dir=tmp_path,
            database_url=SecretStr(postgres_url),
            stt="elevenlabs",
            stt_backup="none",
            stt_streaming="auto",
            elevenlabs_api_key=SecretStr(provider.key),
            elevenlabs_base_url=place,
            **UNHURRIED,
        )
        async with open_balto(settings) as balto, serving(balto) as url:
            code = await register_client(balto.library.store, email="a@b.example", legal_name="Farmácia")
            counter_id, key = await register_counter(balto.library.store, code, "Balcão 1")
            house = House(balto, url, key, counter_id)
            told = await converse(house, wav(conversation("dor_de_cabeca")), protocol=2)
            ((*recorded,),) = await house.ended()
    assert len(told.of("recomendar")) == 1
    assert {event.model for event in of_type(recorded, TranscriptionReceived)} == {"scribe_v2_realtime"}
    assert {event.outcome for event in of_type(recorded, TranscriptionStreamClosed)} == {"answered"}
    assert (provider.requests, len(provider.live.calls)) == (0, len(of_type(recorded, PhraseCaptured)))
