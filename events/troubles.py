"""A trouble that lasts is told once, when it begins: a line for each attempt hides the one that says what to do."""

import logging


class Trouble:
    """One thing that may go wrong for a while.

    Args:
        logger: of whom it befalls.
        line: what is told, with one place for what went wrong.
    """

    def __init__(self, logger: logging.Logger, line: str) -> None:
        self._logger = logger
        self._line = line
        self._lasts = False

    def goes_on(self, error: Exception) -> None:
        """Tell that it began, unless that has been told."""
        if not self._lasts:
            self._logger.warning(self._line, error)
        self._lasts = True

    def is_over(self) -> None:
        """Let its next beginning be told."""
        self._lasts = False
