"""Registration of clients and their counters."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from balto.accounts import EmailTakenError, UnknownClientError, is_email, namesakes, register_client, register_counter
from balto.web.answers import RequestError, answer
from balto.web.bodies import read_model
from balto.web.described import described
from balto.web.gate import remote_of, spend
from balto.web.keys import BALTO, LIMITS
from balto.web.shapes import CounterMade, Registered

routes = web.RouteTableDef()

_NAMESAKE: Final = "este cliente já tinha um balcão com este nome; agora são dois, cada um com a sua chave"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("not printable")
    return text


def _email(text: str) -> str:
    if not is_email(text):
        raise ValueError("no e-mail")
    return text


def _line(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest)


Line = Annotated[str, _line(200), AfterValidator(_printable)]
Email = Annotated[str, _line(254), AfterValidator(_email)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), AfterValidator(_printable)]


class ClientBody(BaseModel):
    """A pharmacy that registers."""

    email: Email
    razao_social: Line
    telefone: Phone | None = None


class CounterBody(BaseModel):
    """A counter that a pharmacy adds."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    nome_balcao: Line
    user_codigo: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=32), AfterValidator(_printable)
    ]


@routes.post("/cadastro/cliente")
@described(topic="registration", body=ClientBody, gives=Registered, status=201)
async def add_client(request: web.Request) -> web.Response:
    """Register a client: 201 with its code."""
    spend(request.app[LIMITS].registrations, remote_of(request))
    body = await read_model(request, ClientBody)
    balto = request.app[BALTO]
    try:
        code = await register_client(
            balto.library.store,
            email=body.email,
            legal_name=body.razao_social,
            phone=body.telefone or None,
            clock=balto.clock,
        )
    except EmailTakenError as error:
        raise RequestError(409, str(error)) from None
    return answer({"codigo": code}, status=201)


@routes.post("/cadastro/balcao")
@described(topic="registration", body=CounterBody, gives=CounterMade)
async def add_counter(request: web.Request) -> web.Response:
    """Add a counter to a client: its id and, this once, its key; an `aviso` where it has another one of this name."""
    limits, remote = request.app[LIMITS], remote_of(request)
    spend(limits.registrations, remote)
    body = await read_model(request, CounterBody)
    balto = request.app[BALTO]
    spend(limits.wrong_codes, remote)
    try:
        others = await namesakes(balto.library, body.user_codigo, body.nome_balcao)
        counter_id, key = await register_counter(
            balto.library.store, body.user_codigo, body.nome_balcao, clock=balto.clock
        )
    except UnknownClientError as error:
        raise RequestError(404, str(error)) from None
    limits.wrong_codes.give_back(remote)
    made = {"api_key": key, "balcao_id": counter_id, "status": "registered"}
    return answer({**made, "aviso": _NAMESAKE} if others else made)
