"""Records the golden sessions anew: `python -m tests.golden.keeping`. Half a minute; read what differs, and say why.

They are conversations of our own synthetic speech, heard by the local speech model, or by ears with a script where an
engine must be wrong, and exported with a passphrase that keeps nothing secret.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from actors.basket.catalogue import load_baskets
from actors.stt.transcriber import Transcriber, TranscriptionError
from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from actors.values import Pcm, Transcript
from balto.app import Balto, open_balto
from balto.engines import Engines, build_understandings
from balto.library import master_keys
from balto.listening import Collector, listen
from balto.settings import Settings
from events.driver import one_connection
from events.fileseal import FileSeal
from events.portable import export_file
from events.selection import Selection
from events.transfer import Rewrap
from tests.golden.older import aged
from tests.recordings import conversation, silence, spoken, webm

SESSIONS: Final = Path(__file__).with_name("sessions")
OLDER: Final = SESSIONS / "older"
PASSPHRASE: Final = "synthetic speech, nobody's words"
SPOKEN: Final = {
    "headache": ("dor_de_cabeca", "tosse"),
    "pregnant": ("gravida", "queria_um_remedio", "pra_dor_de_cabeca"),
    "weather": ("chuva", "silencio"),
}
"""By name of a session, the recordings that it is made of."""
WRITTEN_DOWN: Final = ("dor_de_cabeca", "chuva", "tosse", "queria_um_remedio", "gravida")
"""Those of the session whose ears have a script."""
NOT_BELIEVED: Final = "obrigado por assistir"
TEXTS: Final = ("boa tarde", "estou com dor de cabeça", NOT_BELIEVED, "quero um xarope", "hoje choveu o dia inteiro")
FAILS_AT: Final = 3
"""Number of the phrase that the ears fail to hear the first time."""
BREATH_S: Final = 0.1
"""Between recordings that have half a second of room around their words themselves."""
CHUNK: Final = 320
"""Bytes, about a tenth of a second, so that phrases are offered early as they are at a counter."""
GENERATIONS: Final = (1, 2)
"""Of the older sessions: in first versions, and in second ones."""


class ScriptedEars:
    """Ears that write what they are told, the same of the same sound; one they fail at, one they don't believe."""

    provider = "scripted"
    model = "script"

    def __init__(self) -> None:
        self._heard: dict[int, int] = {}
        self._failed: set[int] = set()

    async def warm(self) -> None:
        return

    async def transcribe(self, pcm: Pcm, *, budget_s: float, terms: Sequence[str] = ()) -> Transcript:
        loud = int(abs(pcm.astype(int)).sum())
        number = self._heard.setdefault(loud, len(self._heard))
        if number == FAILS_AT and loud not in self._failed:
            self._failed.add(loud)
            raise TranscriptionError("transient", "as the script says")
        text = TEXTS[number % len(TEXTS)]
        return Transcript(text=text, rejected="invention" if text == NOT_BELIEVED else None, confidence=0.9)

    async def close(self) -> None:
        return


async def record(folder: Path) -> None:
    """Record all of them into a folder."""
    with tempfile.TemporaryDirectory(prefix="balto-golden-") as scratch:
        settings = Settings(_env_file=None, data_dir=Path(scratch), stt_budget_s=60)
        whisper = WhisperTranscriber(ensure_weights(Path(".balto") / "whisper-base"))
        for ears, named in ((whisper, SPOKEN), (ScriptedEars(), {"scripted": WRITTEN_DOWN})):
            async with open_balto(settings, engines=_engines(settings, ears)) as balto:
                for name, recordings in named.items():
                    pcm = conversation(*recordings, pause_s=BREATH_S)
                    if named is not SPOKEN:
                        pcm = np.concatenate([pcm, _faltering(), silence(1.2)])
                    data = webm(pcm, bit_rate=24_000)
                    session_id = await listen(balto.sessions, data, collector=Collector(), chunk_bytes=CHUNK)
                    await _export(balto, f"session-{session_id}", folder / f"{name}.session")


def _faltering() -> Pcm:
    """Return one phrase with a pause at which it is offered, and taken back when speech goes on."""
    first, second = (_bare(spoken(name)) for name in ("gravida", "chuva"))
    return np.concatenate([silence(0.5), first, silence(0.38), second])


def _bare(pcm: Pcm) -> Pcm:
    loud = np.flatnonzero(np.abs(pcm.astype(int)) > 600)
    return pcm[loud[0] : loud[-1]]


def _engines(settings: Settings, ears: Transcriber) -> Engines:
    return Engines(transcribers=(ears,), understandings=build_understandings(settings, load_baskets(settings.baskets)))


async def _export(balto: Balto, stream: str, file: Path) -> None:
    seal = FileSeal.new()
    whole = {"stream": stream, "events": await balto.library.store.stream_position(stream)}
    async with one_connection(balto.library.dsn, application_name="golden") as connection:
        await export_file(
            connection,
            file,
            archive=None,
            rewrap=Rewrap(master_keys(balto.settings), seal.keys(PASSPHRASE)),
            selection=Selection(stream=stream),
            recordings=True,
            note={"session": whole, "seal": seal.written()},
        )


def age(folder: Path, into: Path) -> None:
    """Write the scripted session as programs of earlier schemas would have."""
    from events.sessionfile import head_of  # noqa: PLC0415

    file = folder / "scripted.session"
    keys = FileSeal.read(head_of(file)["seal"]).keys(PASSPHRASE)
    for generation in GENERATIONS:
        aged(file, into / f"versions-{generation}.session", keys, generation)


def main() -> None:
    """Record the golden sessions, and age one of them."""
    OLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(SESSIONS))
    age(SESSIONS, OLDER)


if __name__ == "__main__":
    main()
