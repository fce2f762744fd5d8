"""A way around the compression that the SDKs' WebSockets agree on: it takes most of a phrase's CPU, for nothing."""

from collections.abc import Sequence
from typing import Any, Final, override

from websockets.asyncio.client import ClientConnection
from websockets.extensions import Extension
from websockets.frames import Frame
from websockets.typing import ExtensionName

_NAME: Final = "permessage-deflate"


class _OnlyRead(Extension):
    """Reads what the other side compressed, and compresses nothing, as RFC 7692, section 6, leaves to each side.

    Args:
        inner: the extension that was agreed on.
    """

    name = ExtensionName(_NAME)

    def __init__(self, inner: Extension) -> None:
        self._inner = inner

    @override
    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        return self._inner.decode(frame, max_size=max_size)

    @override
    def encode(self, frame: Frame) -> Frame:
        return frame


def send_uncompressed(connection: ClientConnection | Any) -> None:  # an SDK's own attribute is untyped
    """Have a connection send its frames as they are: audio doesn't get shorter."""
    agreed: Sequence[Extension] = connection.protocol.extensions
    connection.protocol.extensions = [_OnlyRead(each) if each.name == _NAME else each for each in agreed]
