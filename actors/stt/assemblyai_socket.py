"""AssemblyAI's streaming client, made careful: replies that can't be read are errors, and no log quotes speech."""

import logging
from collections.abc import Callable
from typing import Any, Final, override

from assemblyai.streaming.v3 import AsyncRealTimeTranscriber, RealTimeParameters, RealTimeTranscriberOptions
from assemblyai.streaming.v3.models import ErrorEvent, EventMessage

from actors.stt.uncompressed import send_uncompressed

_SILENT: Final = ("assemblyai.streaming.v3", "websockets")
"""The first logs what the server says of errors, the second at debug the key and every frame."""
_TERMINATE_S: Final = 1.0

for _name in _SILENT:
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class CarefulTranscriber(AsyncRealTimeTranscriber):
    """Good for one connection.

    Args:
        api_key: sent as `authorization`.
        host: `ws://` or `wss://` and a host; None for the provider's.
        connect_s: seconds for the handshake; there is one attempt.
    """

    def __init__(self, api_key: str, host: str | None, *, connect_s: float) -> None:
        elsewhere = {} if host is None else {"api_host": host}
        options = RealTimeTranscriberOptions(
            api_key=api_key,
            connect_timeout=connect_s,
            max_connection_retries=0,
            terminate_timeout=_TERMINATE_S,
            **elsewhere,
        )
        super().__init__(options)

    @classmethod
    @override
    def _parse_message(cls, data: Any) -> EventMessage | None:
        # What it raises would end the reading task in silence, and be printed, with what the reply said, much later.
        try:
            if isinstance(data, dict):
                return super()._parse_message(data)
        except (ValueError, TypeError, AttributeError):
            pass
        return ErrorEvent(error="a reply that can't be read")

    @override
    async def connect(self, params: RealTimeParameters) -> None:
        """Connect; never raises, what goes wrong is an error event."""
        await super().connect(params)
        if self._websocket is not None:
            send_uncompressed(self._websocket)

    def watch(self, told: Callable[[], None]) -> None:
        """Once connected, have somebody told when nothing is read any more; an error event has told why, if any has."""
        if self._read_task is None:
            told()
        else:
            self._read_task.add_done_callback(lambda _: told())

    async def leave(self) -> None:
        """End the session, which is billed until then, and close the connection."""
        try:
            await self.disconnect(terminate=True)
        finally:
            if self._websocket is not None:
                self._websocket.transport.abort()
