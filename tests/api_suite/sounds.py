"""The suite's own speech, as every kind of client sends it: one WebM file, the rest made from it."""

from functools import cache
from pathlib import Path

from balto.listening import decode_audio
from tests import recordings

ASSET = Path(__file__).parent / "assets" / "pedido.webm"
HEARD = ("cabe", "febre", "dipirona", "tosse", "xarope", "catarro")
"""Of what is said in it, one of these at least is in any fair transcript, in lower case."""


@cache
def webm() -> bytes:
    """Return it as it is: WebM/Opus, as a browser's MediaRecorder makes it."""
    return ASSET.read_bytes()


@cache
def pcm() -> bytes:
    """Return it as 16 kHz mono s16le."""
    return decode_audio(webm()).tobytes()


@cache
def wav() -> bytes:
    """Return it as a WAV file."""
    return recordings.wav(decode_audio(webm()))


@cache
def ogg() -> bytes:
    """Return it as Ogg/Opus."""
    return recordings.ogg(decode_audio(webm()))
