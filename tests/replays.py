"""Sessions recorded in virtual time: a client that sends as it hears, and ears that take their time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any, override

from actors.llm.understanding import Understanding
from actors.messages import AudioArrived, AudioFinished, Delivered, RecommendationReply
from actors.runtime.clock import Clock
from actors.runtime.virtual import InstantSystem, VirtualClock, VirtualLoop
from actors.session.actor import SessionActor
from actors.session.calls import Attach, ConnectionLost
from actors.session.connection import Connection
from actors.session.inputs import EngineName, Policy, Resources, StreamingName
from actors.session.ports import AudioFormat, FlowWindow, Goodbye, SessionServices, SessionSpec
from actors.session.purse import BottomlessPurse, Purse
from actors.session.seat import Seat
from actors.stt.live import LiveEars
from actors.stt.router import RoutedTranscriber
from actors.stt.streaming import StreamingTranscriber
from actors.stt.transcriber import Transcriber
from actors.values import Pcm, Transcript, VadSettings
from balto.app import new_event_id
from balto.engines import usd_per_hour
from balto.provenance import settings_of
from balto.replay.audience import NoMemory, Notebook
from balto.replay.kit import Kit
from balto.replay.plan import Plan
from balto.replay.recorded import Recorded, recorded_of
from balto.settings import Settings
from events.catalogue import Event, RecommendationSent
from events.envelope import NewEvent, RecordedEvent, as_recorded
from events.store import Append, Appended, RecordingChunk

BEGAN = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SESSION = "01900000-0000-7000-8000-000000000001"


class Reader:
    """Ears that write one of some lines for a phrase, after a while; its samples choose both."""

    model = "lines"

    def __init__(self, *lines: str, provider: str = "reader", slowest_s: float = 1.2) -> None:
        self.provider = provider
        self._lines = lines
        self._slowest_s = slowest_s

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        drawn = int.from_bytes(sha256(pcm.tobytes()).digest()[:8])
        await asyncio.sleep(0.15 + drawn % 1000 / 1000 * self._slowest_s)
        return Transcript(text=self._lines[drawn % len(self._lines)], confidence=0.9, cost_usd=0.001)


class Ledger(Notebook):
    """Keeps the recording too."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[RecordingChunk] = []

    @override
    def submit(self, append: Append) -> asyncio.Future[Appended]:
        self.chunks += append.recordings
        return super().submit(append)


@dataclass
class Client:
    """Takes recommendations after a moment, and answers them after another."""

    answer: str | None = None
    told: list[Event] = field(default_factory=list)
    session: Any = None

    def publish(self, event: Event) -> None:
        self.told.append(event)
        if isinstance(event, RecommendationSent):
            loop = asyncio.get_running_loop()
            loop.call_later(0.03, self._tell, Delivered(number=event.phrase, recommendation_id=event.recommendation_id))
            if self.answer is not None:
                reply: Any = RecommendationReply(event.recommendation_id, self.answer)  # type: ignore[arg-type] # a test's
                loop.call_later(2.0, self._tell, reply)

    def _tell(self, message: object) -> None:
        if self.session.is_alive():
            self.session.tell(message)

    def close(self, reason: Goodbye) -> None:
        return


def record(kit: Kit, data: bytes, **how: Any) -> Recorded:
    """Record a session whose client sends as it hears; see `record_parts`."""
    written, chunks = record_parts(kit, data, **how)
    return recorded_of(envelopes(written), chunks, f"session-{SESSION}")


def record_parts(
    kit: Kit,
    data: bytes,
    *,
    seconds: float,
    ears: Sequence[Transcriber],
    encoding: str = "pcm_s16le",
    step_s: float = 0.1,
    vad: VadSettings | None = None,
    answer: str | None = None,
    leaves: bool = False,
    away: tuple[float, float] | None = None,
    at_once: bool = False,
    head: Callable[[Clock], Understanding] | None = None,
    live: StreamingTranscriber | None = None,
    terms: dict[str, Any] | None = None,
    purse: Purse | None = None,
) -> tuple[list[NewEvent], list[RecordingChunk]]:
    """Record a session whose client sends as it hears, and return its events and its audio.

    Args:
        kit: its understanding, baskets and rules.
        data: what the client sends.
        seconds: that it lasts.
        ears: in order of preference.
        encoding: of the data.
        step_s: of time between two messages of the client.
        vad: how voices are found.
        answer: what the client says to each recommendation.
        leaves: whether it goes without a word at the end.
        away: from when to when, in seconds, its connection is lost.
        at_once: whether it sends all it has at once, as from a file.
        head: makes what understands; the lexicon alone by default.
        live: hears phrases while they are said.
        terms: on which engines are asked.
        purse: what the counter may spend.
    """
    loop = VirtualLoop()
    ledger = Ledger()

    async def main() -> None:
        async with InstantSystem(loop) as system:
            clock = VirtualClock(loop, BEGAN)
            names = tuple(EngineName(each.provider, each.model, usd_per_hour(each.provider)) for each in ears)
            routed = RoutedTranscriber(ears, clock, lambda _: 0.0)
            understanding = kit.lexicon if head is None else head(clock)
            streaming = None if live is None else LiveEars(live, clock)
            spec = _spec(kit, encoding, vad or VadSettings(), terms or {}, resumable=away is not None)
            over: asyncio.Future[None] = loop.create_future()
            client, flow = Client(answer), FlowWindow(1 << 24)
            seat = Seat(
                spec=spec,
                connection=Connection(client, flow),
                on_end=lambda _: ended(over),
            )
            services = SessionServices(
                journal=ledger,
                transcribers=(routed,),
                understandings=(understanding,),
                streaming=streaming,
                purse=purse or BottomlessPurse(),
                policy=Policy(
                    transcribers=names[:1],
                    understandings=(EngineName(understanding.engine, understanding.model),),
                    resolve=kit.baskets.resolve,
                    engines=names,
                    lexicon=EngineName(kit.lexicon.engine, kit.lexicon.model),
                    rules=kit.rules,
                    streaming=None if live is None else StreamingName(live.provider, live.model, 1.0, live.goes_on),
                ),
                clock=clock,
                memory=NoMemory(),
                new_id=lambda: new_event_id(clock),
                sample_resources=lambda: Resources(
                    cpu_percent=1.0,
                    system_cpu_percent=1.0,
                    rss_bytes=1,
                    system_memory_percent=1.0,
                    loop_lag_ms=loop.time(),
                ),
                stt_budget_s=8.0,
                llm_budget_s=8.0,
            )
            session = client.session = system.spawn(SessionActor, seat, services)
            size = max(2, round(len(data) * step_s / seconds) // 2 * 2)
            gone = away
            for at in range(0, len(data), size):
                if gone is not None and loop.time() >= gone[0]:
                    session.tell(ConnectionLost(client))
                    await asyncio.sleep(gone[1] - gone[0])
                    client = Client(answer, session=session)
                    session.tell(Attach(client, flow))
                    gone = None
                await session.offer(AudioArrived(data[at : at + size]))
                if not at_once:
                    await asyncio.sleep(step_s)
            session.tell(AudioFinished("client_left" if leaves else "client_finished"))
            await over

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    return ledger.written, ledger.chunks


@cache
def kit_of_tests() -> Kit:
    """Return the kit that the tests of a process share: the lexicon, and our own baskets."""
    made = Kit(Settings(_env_file=None, llm="lexicon"), Plan())
    asyncio.run(made.warm())
    return made


def envelopes(written: Sequence[NewEvent]) -> list[RecordedEvent]:
    """Return events as the ledger gives them back."""
    return [as_recorded(new, number, f"session-{SESSION}", "t") for number, new in enumerate(written, 1)]


def ended(over: asyncio.Future[None]) -> None:
    over.set_result(None)


def _spec(kit: Kit, encoding: str, vad: VadSettings, terms: dict[str, Any], *, resumable: bool) -> SessionSpec:
    audio = AudioFormat(encoding=encoding)
    settings = {**settings_of(kit.settings), "vad": asdict(vad), "audio": asdict(audio), "resumable": resumable}
    settings["engines"] = {**settings["engines"], **terms}
    return SessionSpec(
        session_id=SESSION,
        tenant="t",
        counter_id="c",
        protocol=2,
        audio=audio,
        vad=vad,
        settings=settings,
        versions=kit.versions,
        resumable=resumable,
    )
