"""A counter's client: streams a file or live audio, over lost connections, and yields what comes back."""

from balto.client.audio import AudioFile, LiveAudio, read_audio
from balto.client.errors import ClientError
from balto.client.messages import (
    Finished,
    Item,
    Message,
    Metrics,
    Outcome,
    Problem,
    Ready,
    Recommendation,
    Speech,
    Transcript,
    Unknown,
)
from balto.client.stream import Format, Stream, stream

__all__ = [
    "AudioFile",
    "ClientError",
    "Finished",
    "Format",
    "Item",
    "LiveAudio",
    "Message",
    "Metrics",
    "Outcome",
    "Problem",
    "Ready",
    "Recommendation",
    "Speech",
    "Stream",
    "Transcript",
    "Unknown",
    "read_audio",
    "stream",
]
