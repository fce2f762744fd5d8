"""The words of the socket: handshake, control frames, close codes, and events as messages for clients."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, ValidationError

from actors.session.ports import AudioFormat, Goodbye
from actors.vad.settings import vad_settings_from
from actors.values import VadSettings
from balto.web.outcomes import outcome
from balto.web.said import Erro, Ready, Recomendar, Said, SaidItem, Vad
from events.catalogue import (
    Answer,
    AudioReceived,
    Event,
    Item,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseMeasured,
    RecommendationSent,
    SessionEnded,
    SessionResumed,
    SessionStarted,
    SpeechStarted,
    TranscriptionReceived,
)

Wish = Literal["transcript", "outcome", "vad", "recommendation", "metrics"]

OFFSET_BYTES: Final = 8
"""Length of the offset before the audio in a binary frame."""


class CloseCode(IntEnum):
    """Every code that the server closes a socket with. The reason in the close frame says more."""

    NORMAL = 1000
    """The audio ended and everything has been answered."""
    GOING_AWAY = 1001
    """The server is stopping; connect again."""
    POLICY = 1008
    """The handshake is not what it should be, its session is unknown, or bytes are missing; the reason says which."""
    TOO_BIG = 1009
    """A frame was larger than the server takes."""
    INTERNAL = 1011
    """The session failed; what it had heard is kept."""
    TRY_AGAIN = 1013
    """The database cannot be reached, or the session was not at home here any more; connect again."""
    INVALID_KEY = 4001
    """The API key is not valid."""
    OVERLOADED = 4002
    """No further session is taken; the reason is in the close frame."""
    HANDSHAKE_TOO_LATE = 4008
    """No first frame came in time."""
    TAKEN_OVER = 4003
    """Another connection took this session."""
    UNDECODABLE = 4009
    """The audio cannot be decoded."""


CLOSE_CODES: dict[Goodbye, tuple[CloseCode, str]] = {
    "client_finished": (CloseCode.NORMAL, "fim"),
    "client_left": (CloseCode.NORMAL, "fim"),
    "server_stopping": (CloseCode.GOING_AWAY, "servidor reiniciando"),
    "journal_unavailable": (CloseCode.TRY_AGAIN, "banco de dados indisponível"),
    "audio_undecodable": (CloseCode.UNDECODABLE, "áudio não reconhecido"),
    "failed": (CloseCode.INTERNAL, "erro interno"),
    "taken_over": (CloseCode.TAKEN_OVER, "outra conexão assumiu esta sessão"),
    "gap": (CloseCode.POLICY, "faltam bytes antes deste quadro; retome a sessão"),
}


def farewell(last: Sequence[Event]) -> tuple[CloseCode, str]:
    """Return how to close on a client that comes back to a session that is over.

    Args:
        last: what the session recorded last.
    """
    reason = next((event.reason for event in last if isinstance(event, SessionEnded)), None)
    if reason == "failed":
        return CloseCode.POLICY, "a sessão falhou; comece outra"  # not 1011, after which clients come back to it
    return CLOSE_CODES[reason if reason == "audio_undecodable" else "client_finished"]


MISLED: Final = (CloseCode.TRY_AGAIN, "a sessão não está mais aqui; retome-a")
"""For who came back to a process that found out only then that it had lost the session. It can be resumed at once."""


class HandshakeError(Exception):
    """The first frame is not a handshake; the message is for the client, in Portuguese."""


def _number(value: object) -> object:
    """Refuse what pydantic would take for a number. 16000.0 is one: JSON knows no other kind."""
    if isinstance(value, bool | str):
        raise ValueError("not a number")  # noqa: TRY004 - it is what pydantic asks for
    return value


_Number: Final = BeforeValidator(_number)


class AudioOffer(BaseModel):
    """What the client says it will send."""

    model_config = ConfigDict(extra="ignore")

    encoding: Literal["webm-opus", "ogg-opus", "pcm_s16le", "wav", "auto"] = "auto"
    sample_rate: Annotated[int, _Number] = Field(default=16_000, ge=4_000, le=192_000)
    channels: Annotated[int, _Number] = Field(default=1, ge=1, le=8)


class Resume(BaseModel):
    """Which session the client wants to take up again."""

    model_config = ConfigDict(extra="ignore")

    session: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    token: Annotated[str, StringConstraints(max_length=128)]


class Handshake(BaseModel):
    """The first frame. Fields of later protocols are ignored in earlier ones."""

    model_config = ConfigDict(extra="ignore")

    api_key: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    vad_settings: dict[str, Any] | None = None
    protocol: Annotated[Literal[1, 2], _Number] = 1
    audio: AudioOffer = Field(default_factory=AudioOffer)
    want: frozenset[Wish] | None = None
    offsets: StrictBool = False
    """Whether each binary frame begins with the 8-byte big-endian offset of its first byte of audio."""
    resume: Resume | None = None

    @property
    def resumable(self) -> bool:
        """Whether a lost connection can be taken up where it broke."""
        return self.protocol == 2 and self.offsets

    @property
    def format(self) -> AudioFormat:
        """The declared audio, as the session takes it."""
        return AudioFormat(
            encoding=self.audio.encoding, sample_rate=self.audio.sample_rate, channels=self.audio.channels
        )

    def wants(self, wish: Wish) -> bool:
        """Whether the client asked for messages of this kind; recommendations need no asking."""
        return wish == "recommendation" or (self.protocol == 2 and self.want is not None and wish in self.want)


class Finish(BaseModel):
    """`{"tipo": "fim"}`: no more audio will come."""

    tipo: Literal["fim"]


class Echo(BaseModel):
    """`{"tipo": "eco"}`: asks whether the server is there, for who cannot ping (protocol 2)."""

    tipo: Literal["eco"]


class Reply(BaseModel):
    """`{"tipo": "resposta", …}`: what became of a recommendation."""

    tipo: Literal["resposta"]
    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    resultado: Answer


def parse_handshake(text: str) -> Handshake:
    """Parse the first frame.

    Raises:
        HandshakeError: it is no JSON object with an `api_key`, or a field has a wrong type.
    """
    try:
        return Handshake.model_validate(orjson.loads(text))
    except orjson.JSONDecodeError:
        raise HandshakeError("o primeiro quadro não é JSON") from None
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"]) or "quadro"
        raise HandshakeError(f"campo inválido: {place}") from None


def vad_settings(handshake: Handshake, preset: VadSettings) -> VadSettings:
    """Return the counter's preset with what the handshake overrides.

    Raises:
        HandshakeError: a value has a wrong type or is out of range.
    """
    try:
        return vad_settings_from(handshake.vad_settings or {}, preset)
    except ValueError as error:
        raise HandshakeError(f"vad_settings: {error}") from None


def parse_control(text: str) -> Finish | Reply | Echo | None:
    """Parse a later text frame; None for anything that is not a known control message."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    for kind in (Finish, Reply, Echo):
        try:
            return kind.model_validate(message)
        except ValidationError:
            continue
    return None


def split_frame(data: bytes) -> tuple[int, bytes]:
    """Split a binary frame of a client that counts its bytes into offset and audio.

    Raises:
        HandshakeError: it is shorter than the offset.
    """
    if len(data) < OFFSET_BYTES:
        raise HandshakeError("quadro sem deslocamento")
    return int.from_bytes(data[:OFFSET_BYTES]), data[OFFSET_BYTES:]


def to_client(event: Event, handshake: Handshake, session_id: str, token: str) -> Said | None:
    """Return the message that tells this client of an event, or None where the client isn't to be told."""
    match event:
        case RecommendationSent():
            return _recommendation(event, handshake)
        case SessionStarted() if handshake.protocol == 2:
            return _ready(session_id, token, 0, handshake)
        case SessionResumed():
            return _ready(session_id, token, event.byte_offset, handshake)
        case AudioReceived():
            return acknowledgement(event.byte_end, handshake)
        case SessionEnded(reason="audio_undecodable" | "failed"):
            return None  # Not everything has been answered, since not everything was heard: the close code says so.
        case SessionEnded() if handshake.protocol == 2:
            return {"comando": "fim", "frases": event.phrases, "recomendacoes": event.recommendations}
        case SpeechStarted() if handshake.wants("vad"):
            return {"comando": "vad", "estado": "fala", "frase": event.phrase, "amostra": event.sample_start}
        case PhraseCaptured() if handshake.wants("vad"):
            return _silence(event.phrase, event.sample_end)
        case PhraseDiscarded() if handshake.wants("vad"):
            return {**_silence(event.phrase, event.sample_end), "descartada": True}
        case TranscriptionReceived() if handshake.wants("transcript"):
            return {"comando": "transcript", "frase": event.phrase, "texto": event.text}
        case PhraseMeasured() if handshake.wants("metrics"):
            return {
                "comando": "metrics",
                "frase": event.phrase,
                "tom_hz": event.pitch_mean_hz,
                "snr_db": event.snr_db,
                "centroide_hz": event.spectral_centroid_hz,
            }
        case _:
            told = handshake.wants("outcome") or handshake.wants("transcript")
            return outcome(event) if told else None


def acknowledgement(byte_end: int, handshake: Handshake) -> Said | None:
    """Return what tells a client that so many of its bytes are durable, None where it doesn't count them."""
    return {"comando": "ack", "offset": byte_end} if handshake.resumable else None


def _silence(phrase: int, sample: int) -> Vad:
    return {"comando": "vad", "estado": "silencio", "frase": phrase, "amostra": sample}


def _ready(session_id: str, token: str, offset: int, handshake: Handshake) -> Ready:
    if handshake.resumable:
        return {"comando": "ready", "session": session_id, "token": token, "offset": offset}
    return {"comando": "ready", "session": session_id}


def _recommendation(event: RecommendationSent, handshake: Handshake) -> Recomendar:
    items = [_item(item) for item in event.items]
    if handshake.protocol == 1:
        return {"comando": "recomendar", "itens": items}
    return {
        "comando": "recomendar",
        "itens": items,
        "id": event.recommendation_id,
        "frase": event.phrase,
        "cesta": event.basket,
    }


def _item(item: Item) -> SaidItem:
    shown: SaidItem = {"sugestao": item.sugestao, "explicacao": item.explicacao}
    return shown if item.tag is None else {**shown, "tag": item.tag}


def problem(code: str, message: str) -> Erro:
    """Return an `erro` message."""
    return {"comando": "erro", "code": code, "message": message}
