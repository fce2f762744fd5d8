"""One thing is changed, the session is heard again, and the diff names the first event that differs, and why."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from actors.values import Pcm, Transcript
from balto.replay.diffing import Diff, diff
from balto.replay.engine import execute
from balto.replay.golden import replayed
from balto.replay.kit import Kit
from balto.replay.pins import Pins
from balto.replay.plan import Plan
from balto.replay.recorded import Recorded
from balto.replay.run import Run
from balto.settings import Settings
from events.catalogue import BasketResolved, Event, OfferTranscribed, PhraseCaptured, TranscriptionReceived
from events.store import RecordingChunk
from tests.recordings import conversation
from tests.replays import record

SPOKEN = ("tosse", "pra_dor_de_cabeca", "gravida", "queria_um_remedio", "pra_dor_de_cabeca")
TEXTS = (
    "quero um xarope para tosse",
    "estou com dor de cabeça",
    "tem fralda para o bebê",
    "queria um remédio pra",
    "tem dipirona",
)
ELSE = ("quero um antialérgico", "tem protetor solar", "meu filho está com assadura", "preciso de um curativo")
"""What might have been heard instead."""


class Script:
    """Ears that write one text after the other, the same of the same samples."""

    provider = "script"
    model = "lines"

    def __init__(self) -> None:
        self._heard: dict[bytes, int] = {}

    async def warm(self) -> None:
        return

    async def close(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        number = self._heard.setdefault(sha256(pcm.tobytes()).digest(), len(self._heard))
        await asyncio.sleep(0.2)
        return Transcript(text=TEXTS[number % len(TEXTS)], confidence=0.9)


@cache
def kit() -> Kit:
    made = Kit(Settings(_env_file=None, llm="lexicon"), Plan())
    asyncio.run(made.warm())
    return made


@cache
def original() -> Recorded:
    pcm = conversation(*SPOKEN, pause_s=0.4)
    return record(kit(), pcm.tobytes(), seconds=pcm.size / 16_000, ears=(Script(),))


def heard(session: Recorded, kit: Kit) -> Run:
    """Hear a session again, and return what came of it with the audio that it came of."""
    audio = (RecordingChunk(byte_start=0, data=session.audio),)
    bare = Run(name="", stream=session.stream, tenant=session.tenant, recorded=())
    return replace(replayed(bare, execute(session, kit)), audio=audio)


@cache
def baseline() -> Run:
    return heard(original(), kit())


def of_phrase[E: Event](kind: type[E], number: int) -> E:
    return next(e for e in baseline().events if isinstance(e, kind) and getattr(e, "phrase", 0) == number)


@dataclass(frozen=True)
class Changed:
    """A single change, and what must be found."""

    what: str
    first: tuple[str, int, str]
    """Type, phrase and verdict of the first event that differs."""
    because: str | tuple[str, ...]
    """Kind and name of the input that explains it, or how they begin."""
    seed: int = 0
    plan: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.what}-{self.seed}"


def drawn(seed: int) -> random.Random:
    return random.Random(seed)


def text(seed: int, phrase: int) -> Changed:
    # What an offer was answered with, or the phrase itself where the offer's answer came with its capture.
    return Changed(
        "text",
        ("TranscriptionReceived", phrase, "text"),
        ("answer:OfferTranscribed #", "answer:TranscriptionReceived"),
        seed,
    )


def setting(name: str, value: object, first: tuple[str, int, str]) -> Changed:
    return Changed(f"{name}={value}", first, f"setting:{name}", plan={name: value})


CHANGES = [
    *(text(seed, phrase) for seed, phrase in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5))),
    *(
        Changed("named", ("NormalisationCompleted", n, "content"), "engine:NormalisationCompleted", n)
        for n in (1, 2, 3)
    ),
    *(
        Changed("placed", ("ClassificationCompleted", n, "content"), "engine:ClassificationCompleted", n)
        for n in (2, 3)
    ),
    *(Changed("baskets", ("BasketResolved", n, "content"), "version:baskets", n) for n in (1, 3)),
    *(Changed("silenced", ("SpeechStarted", n, "only_a"), "audio:from byte", n) for n in (1, 3, 5)),
    setting("vad.max_phrase_ms", 2_000, ("PhraseCaptured", 1, "content")),
    setting("vad.pre_roll_ms", 200, ("SpeechStarted", 1, "timing")),
    setting("vad.min_phrase_ms", 2_000, ("PhraseCaptured", 2, "content")),
    setting("vad.min_energy", 5_000, ("SpeechStarted", 1, "only_a")),
    setting("gather_ms", 0, ("NormalisationCompleted", 4, "only_b")),
]


AZIA = {"kind": "symptom", "name": "azia"}


def pinned(folder: Path, **pins: Any) -> Plan:
    file = folder / "pins.json"
    file.write_text(json.dumps(pins), encoding="utf-8")
    return Plan(pins=Pins.read(file))


def other_text(change: Changed) -> Recorded:
    """Have the engine of then answer otherwise, early and late."""
    session, words = original(), drawn(change.seed).choice(ELSE)
    moments = [
        moment._replace(event=replace(moment.event, text=words))
        if isinstance(moment.event, OfferTranscribed | TranscriptionReceived) and moment.event.phrase == change.first[1]
        else moment
        for moment in session.moments
    ]
    return replace(session, moments=moments)


def other_answer(change: Changed, folder: Path) -> Plan:
    """Pin what another prompt may have had a model answer for the words of a phrase."""
    words = of_phrase(TranscriptionReceived, change.first[1]).text
    if change.what == "named":
        return pinned(folder, normalised=[{"text": words, "entities": [AZIA]}])
    placed = [{"macro": "PELE_DERMATO", "micro": None}]
    return pinned(folder, classified=[{"text": words, "categories": placed}])


def other_baskets(change: Changed, folder: Path) -> Kit:
    """Change one suggestion that the phrase was answered with, wherever it stands in the file."""
    item = drawn(change.seed).choice(of_phrase(BasketResolved, change.first[1]).items).sugestao
    cestas = Settings(_env_file=None).baskets.read_text(encoding="utf-8")
    told = json.dumps(item, ensure_ascii=False)
    assert told in cestas
    file = folder / "cestas.json"
    changed = json.loads(cestas.replace(told, json.dumps("Bolsa térmica de teste", ensure_ascii=False)))
    file.write_text(json.dumps({**changed, "versao": "other"}), encoding="utf-8")
    return Kit(Settings(_env_file=None, llm="lexicon"), Plan(baskets=file))


def silenced(change: Changed) -> Recorded:
    place, session = of_phrase(PhraseCaptured, change.first[1]), original()
    audio = bytearray(session.audio)
    audio[2 * place.sample_start : 2 * place.sample_end] = bytes(2 * (place.sample_end - place.sample_start))
    return replace(session, audio=bytes(audio))


def compared(change: Changed, folder: Path) -> Diff:
    session, used, plan = original(), kit(), Plan(changes=change.plan)
    match change.what:
        case "text":
            session = other_text(change)
        case "named" | "placed":
            plan = other_answer(change, folder)
        case "baskets":
            used = other_baskets(change, folder)
            plan = used.plan
        case "silenced":
            session = silenced(change)
    used.plan, before = plan, used.plan
    try:
        return diff(baseline(), heard(session, used))
    finally:
        used.plan = before


def test_the_session_is_heard_again_as_it_was() -> None:
    assert diff(heard(original(), kit()), baseline()).same
    assert [each.text for each in baseline().events if isinstance(each, TranscriptionReceived)] == list(TEXTS)


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_single_change_is_found_at_the_first_event_that_it_reaches(change: Changed, tmp_path: Path) -> None:
    found = compared(change, tmp_path)
    assert found.first is not None
    at = found.first.contrast
    assert (at.pair.either.type, getattr(at.pair.either.event, "phrase", 0), at.verdict) == change.first
    because = [f"{given.kind}:{given.name}" for given in found.first.explained_by]
    assert because
    assert because[0].startswith(change.because)


def test_so_many_changes_are_tried() -> None:
    assert len(CHANGES) == len({str(change) for change in CHANGES}) == 20
