"""What can go wrong for a client."""

import os
import ssl

import aiohttp


def explained(error: aiohttp.ClientError | OSError) -> str:
    """Say why a connection did not come about, without the driver's own decoration."""
    if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
        return "this is no address of http or ws"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"what listens there answered {error.status}"
    cause: Exception = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
    if isinstance(cause, ssl.SSLError):  # an OSError whose number is none of the system's
        return f"TLS failed: {getattr(cause, 'verify_message', '') or getattr(cause, 'reason', '') or cause}"
    if isinstance(cause, OSError) and cause.errno:
        # Those of name look-ups are negative, and known to the error alone.
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror or cause)
    return str(cause) or type(cause).__name__


class ClientError(Exception):
    """The server could not be reached, or closed the connection before the audio had ended."""

    def __init__(self, message: str, code: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        """Close code, if the server gave one (docs/protocol.md)."""
        self.reason = reason
        """What its close frame said, in Portuguese."""
