"""A read model as SQL: its tables, and the statements that fold a run of events into them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_READS: Final = re.compile(r"^-- reads: (\w+(?:, \w+)*)$", re.MULTILINE)
_WITH: Final = re.compile(r"^-- with: (\w+)\n", re.MULTILINE)
_INDEX: Final = re.compile(r"^CREATE INDEX\b[^;]*;\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A read model. All names in its SQL are unqualified: its own tables, then the ledger's.

    Raises:
        ValueError: the name is not made of lower-case letters, digits and underscores, or nothing folds.
    """

    name: str
    """Also the name of its table, and of the view `projections.NAME` that readers use."""
    table: str
    """The statements that make its table and indexes, run once for each generation. In a rebuild every `CREATE INDEX`
    that begins a line waits until the rows are there; what a fold needs is a primary key or a unique index."""
    folds: Sequence[str]
    """Run in order; each is a statement that `PREPARE` takes, of the events after position $1 up to and including $2.
    Correct for any run that starts where the last one ended. Of other events it may see only the first of each stream
    in the run. One with a line `-- reads: TYPE, TYPE` is left out where a run holds none of these."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name for a projection")
        if not self.folds:
            raise ValueError(f"nothing folds events into {self.name}")

    @property
    def definition(self) -> bytes:
        """SHA-256 of the SQL: rows of another definition are rebuilt."""
        return sha256("\0".join([self.table, *self.folds]).encode()).digest()

    @property
    def bare_table(self) -> str:
        """The statements that make its table, without the indexes that only readers need."""
        return _INDEX.sub("", self.table)

    @property
    def indexes(self) -> str:
        """The statements that make those."""
        return "".join(_INDEX.findall(self.table))

    def schema(self, generation: int) -> str:
        """Name the schema that holds the rows of a generation."""
        return f"{self.name}_g{generation}"


@cache
def reads(fold: str) -> frozenset[str] | None:
    """Return the types of events that a fold says it reads; None where it says nothing, and may read all."""
    said = _READS.search(fold)
    return None if said is None else frozenset(said[1].split(", "))


def load(folder: Traversable) -> Projection:
    """Read a read model from a folder: `table.sql` and, in the order of their names, `fold*.sql`.

    A line `-- with: NAME` in a fold stands for the file `NAME.sql` beside the folders: what several folds begin with.

    Raises:
        ValueError: as `Projection`.
        FileNotFoundError: there is no `table.sql`.
    """
    folds = sorted((f for f in folder.iterdir() if re.fullmatch(r"fold\w*\.sql", f.name)), key=lambda f: f.name)
    return Projection(
        name=folder.name,
        table=folder.joinpath("table.sql").read_text(encoding="utf-8"),
        folds=[_WITH.sub(_shared, fold.read_text(encoding="utf-8")) for fold in folds],
    )


def _shared(line: re.Match[str]) -> str:
    return files("projections.sql").joinpath(f"{line[1]}.sql").read_text(encoding="utf-8")


@cache
def standard() -> tuple[Projection, ...]:
    """Return Balto's own read models, by name."""
    folders = (f for f in files("projections.sql").iterdir() if f.joinpath("table.sql").is_file())
    return tuple(sorted(map(load, folders), key=lambda projection: projection.name))


@cache
def checkpoints() -> str:
    """Return the statements that make the table of checkpoints where there is none."""
    return files("projections.sql").joinpath("checkpoints.sql").read_text(encoding="utf-8")
