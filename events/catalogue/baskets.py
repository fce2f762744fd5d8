"""Events of the baskets file, on the stream `catalogue`: which one serves, and which one was refused."""

from dataclasses import dataclass

from events.catalogue.base import Event, recorded

CATALOGUE_STREAM = "catalogue"


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueLoaded(Event):
    """A server began to serve a baskets file: at its start, or because the file was changed."""

    file: str
    """Its name, without the folder."""
    version: str
    """The file's `versao`, or its fingerprint where it has none."""
    fingerprint: str
    """`sha256:` and the first 12 hex digits of its content."""
    baskets: int
    items: int
    lookups: int
    medicines: int
    vocabulary: int
    warnings: int
    """Parts that were skipped, each with a line in the log."""


@recorded()
@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRejected(Event):
    """A changed baskets file could not be used; the last good one goes on serving."""

    file: str
    reason: str
    """One line that names the place in the file."""
    kept_version: str
    kept_fingerprint: str
