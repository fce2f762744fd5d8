"""What can go wrong for a client."""


class ClientError(Exception):
    """The server could not be reached, or closed the connection before the audio had ended."""

    def __init__(self, message: str, code: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Close code, if the server gave one (docs/protocol.md)."""
        self.reason = reason
        """What its close frame said, in Portuguese."""
