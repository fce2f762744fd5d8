"""What the server says over the socket, as types: the code that builds a message and docs/asyncapi.json share them."""

from typing import Literal, NotRequired, TypedDict


class SaidItem(TypedDict):
    """One suggestion for the attendant."""

    sugestao: str
    explicacao: str
    tag: NotRequired[str]


class Recomendar(TypedDict):
    """Something goes well with what was asked for. Protocol 1 has the items alone."""

    comando: Literal["recomendar"]
    itens: list[SaidItem]
    id: NotRequired[str]
    frase: NotRequired[int]
    cesta: NotRequired[str]


class Ready(TypedDict):
    """The session has begun, or goes on from `offset` (protocol 2)."""

    comando: Literal["ready"]
    session: str
    token: NotRequired[str]
    offset: NotRequired[int]


class Ack(TypedDict):
    """The bytes up to `offset` are durable (who sends offsets)."""

    comando: Literal["ack"]
    offset: int


class Vad(TypedDict):
    """A phrase began or ended, at a sample of 16 kHz (who wants `vad`)."""

    comando: Literal["vad"]
    estado: Literal["fala", "silencio"]
    frase: int
    amostra: int
    descartada: NotRequired[bool]


class Transcript(TypedDict):
    """A phrase that is over was written down (who wants `transcript`)."""

    comando: Literal["transcript"]
    frase: int
    texto: str


class Desfecho(TypedDict):
    """A phrase came to nothing, or was understood with the phrase `com` (who wants `outcome` or `transcript`)."""

    comando: Literal["desfecho"]
    frase: int
    resultado: Literal["rejeitada", "sem_sugestao", "juntada"]
    motivo: str
    mensagem: str
    com: NotRequired[int]


class Metrics(TypedDict):
    """A phrase was measured (who wants `metrics`)."""

    comando: Literal["metrics"]
    frase: int
    tom_hz: float | None
    snr_db: float | None
    centroide_hz: float | None


class Erro(TypedDict):
    """A text frame was not understood (protocol 2)."""

    comando: Literal["erro"]
    code: str
    message: str


class Eco(TypedDict):
    """The server is there, for who asked (protocol 2)."""

    comando: Literal["eco"]


class Fim(TypedDict):
    """Everything has been answered; the close follows (protocol 2)."""

    comando: Literal["fim"]
    frases: int
    recomendacoes: int


type Said = Recomendar | Ready | Ack | Vad | Transcript | Desfecho | Metrics | Erro | Eco | Fim
SAID = (Recomendar, Ready, Ack, Vad, Transcript, Desfecho, Metrics, Erro, Eco, Fim)
