"""The command that shows where the time of each phrase went."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from balto.cli.common import AsJson, fail, out, print_rows, with_library
from balto.cli.names import resolve_session
from balto.cli.opening import stream_name
from balto.cli.runs import PassphraseFile, RunName, load_runs

_STEPS: Final = ("audio_ms", "stt_ms", "ai1_ms", "ai2_ms", "ws_ms")
_COLUMNS: Final = ("phrase", "speech_ms", *_STEPS, "total_ms", "outcome")
_ROUNDING_MS: Final = 100.0
"""What is less apart is not worth a word."""
_WIDTH: Final = 80
"""Columns; the table above needs no more."""


def timeline(session: RunName, passphrase_file: PassphraseFile = None, as_json: AsJson = False) -> None:
    """Show where the time of each phrase went: Audio → STT → AI 1 → AI 2 → WS, in milliseconds.

    The total counts from when the phrase was found to be over. A step may be longer than that: speech-to-text is asked
    at the first pause, before it is certain that the phrase is over. What a phrase waits is in the total alone.
    """
    rows = _of_run(session, passphrase_file) if _is_run(session) else _of_session(session)
    if not rows and not as_json:
        fail(f"session {session} has no phrases, or there is no such session (`balto sessions` lists them)")
    if as_json:
        print_rows(rows, (), title="", as_json=True)
    else:
        show_timeline(rows)


def show_timeline(rows: Sequence[Any]) -> None:
    """Print the phrases' steps as a table, and below it why they don't add up to the total where they don't."""
    print_rows(rows, _COLUMNS, title="Audio → STT → AI 1 → AI 2 → WS (ms)", as_json=False)
    from projections.pace import faster_than_speech

    apart = [row.total_ms - sum(getattr(row, name) or 0.0 for name in _STEPS) for row in rows if row.total_ms]
    waited, early = [ms for ms in apart if ms > _ROUNDING_MS], [-ms for ms in apart if ms < -_ROUNDING_MS]
    if faster_than_speech(rows):
        explain(
            "this session was sent faster than speech: what its phrases waited for one another no customer waits, and"
            " `report latency` leaves it out where there are others"
        )
    if waited:
        explain(
            f"{len(waited)} of {len(apart)} totals are more than their steps, by {max(waited) / 1000:.1f} s at most:"
            " the phrase waited, for those before it (streamed faster than speech, they queue) or to see whether the"
            " customer would go on"
        )
    if early:
        explain(
            f"{len(early)} of {len(apart)} totals are less than their steps, by {max(early) / 1000:.1f} s at most:"
            " speech-to-text was asked at the first pause, before it was certain that the phrase was over"
        )


def explain(text: str) -> None:
    """Print a sentence below a table."""
    out.print(fill(text, _WIDTH), markup=False)


def _is_run(name: str) -> bool:
    """Tell whether read models know nothing of it: a file, or a stream that is no session's."""
    stream = stream_name(name) or name
    return Path(name).is_file() or (name != "last" and not stream.startswith("session-"))


def _of_session(name: str) -> Any:
    from projections import reports

    async def work(library: Any) -> Any:
        session_id = (await resolve_session(library, name)).removeprefix("session-")
        return await reports.timeline(library.projector.pool, session_id)

    return with_library(work)


def _of_run(name: str, passphrase_file: Path | None) -> Any:
    from balto.replay.timing import timeline_of

    (run,) = load_runs([name], passphrase_file)
    return timeline_of(run)
