"""Whether the archive's folder can be written, told at a start and not only when events are to be moved into it."""

import logging
import tempfile
from pathlib import Path

from balto.settings import Settings

logger = logging.getLogger(__name__)


def tell_of_archive(settings: Settings) -> None:
    """Warn, in one line, where the archive that the settings name cannot be written.

    A warning and no error: serving only reads it, and the owner's nightly `balto store retain` may run elsewhere.
    """
    if settings.archive_dir is None:
        return
    reason = hindrance(settings.archive_dir)
    if reason is not None:
        logger.warning(
            "the archive %s (BALTO_ARCHIVE_DIR) cannot be written (%s): sessions go on, but `balto store retain "
            "--events-older-than` cannot move old events there from here",
            settings.archive_dir,
            reason,
        )


def hindrance(folder: Path) -> str | None:
    """Return why nothing can be written to a folder, or to the one in which it would be made; None where it can.

    Tried with a file that has no name, so that nothing is left: rights alone do not tell of a disk that is read-only.
    """
    try:
        there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
        with tempfile.TemporaryFile(dir=there):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__
