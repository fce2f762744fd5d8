"""Golden sessions: a folder of exported sessions, each of which must come to the same when it is heard again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from balto.replay.diffing import Diff, diff
from balto.replay.engine import Execution, execute
from balto.replay.kit import Kit
from balto.replay.plan import PlanError
from balto.replay.recorded import NotReplayableError, Recorded, recorded_of
from balto.replay.run import Run, run_of_file
from events.codec import CodecError
from events.envelope import as_recorded
from events.sealing import MasterKeys
from events.sessionfile import Damage
from events.store import StoreError

PATTERN: Final = "*.session"
"""Names of the files of a folder that are sessions."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one golden session."""

    file: Path
    difference: Diff | None
    """Between what was recorded and what came of it now; None where it could not be heard again."""
    fault: str | None = None
    """Why not, in one line."""
    damage: tuple[Damage, ...] = ()
    """What of the file is not as it was written."""

    @property
    def passed(self) -> bool:
        """Whether the same came of it."""
        return self.difference is not None and self.difference.same


def golden_files(folder: Path) -> list[Path]:
    """Return the sessions of a folder, those of its folders too, in order."""
    return sorted(path for path in folder.rglob(PATTERN) if path.is_file())


def check(files: Sequence[Path], kit: Kit, *, passphrase: str | None, own: MasterKeys | None) -> Iterator[Checked]:
    """Hear golden sessions again with their recorded answers, and compare what comes of each with what was recorded.

    Runs loops of its own, so it is called where none is running.

    Args:
        files: exported sessions.
        kit: what they are heard again with.
        passphrase: of those that are sealed with one.
        own: master keys, of those that were made for a ledger.
    """
    for file in files:
        try:
            run = run_of_file(file, passphrase=passphrase, own=own)
            execution = execute(heard_again(run), kit)
        except (StoreError, CodecError, NotReplayableError, PlanError) as error:
            yield Checked(file, None, str(error))
            continue
        yield Checked(file, diff(run, replayed(run, execution)), None, run.damage)


def heard_again(run: Run) -> Recorded:
    """Return what replaying needs of a run.

    Raises:
        NotReplayableError: nothing of it can be heard.
    """
    return recorded_of(run.recorded, run.audio, run.stream)


def replayed(run: Run, execution: Execution) -> Run:
    """Return what came of hearing a run again, as a run beside it."""
    stream = f"replay-of-{run.stream}"
    written = tuple(as_recorded(new, number, stream, run.tenant) for number, new in enumerate(execution.written, 1))
    return Run(name="replay", stream=stream, tenant=run.tenant, recorded=written)
