"""The administrator: login, and the voice-detection presets and preferences of counters."""

from dataclasses import replace
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import AliasChoices, BaseModel, Field

from actors.values import VadSettings
from balto.accounts import Counter, UnknownClientError, UnknownCounterError, change_preset, counters_of, load_counter
from balto.engines import TRANSCRIBERS
from balto.preferences import change_terms
from balto.security.admin import COOKIE, SESSION_S
from balto.terms import MOST_USD, CounterTerms, TermsError
from balto.web.answers import RequestError, answer
from balto.web.bodies import read_model
from balto.web.described import described
from balto.web.gate import remote_of, spend
from balto.web.keys import ADMIN_DOOR, BALTO, LIMITS
from balto.web.shapes import Preferences, PreferencesChanged, PresetChanged, PresetShown

routes = web.RouteTableDef()


class LoginBody(BaseModel):
    """The administrator's password."""

    password: Annotated[str, Field(min_length=1, max_length=1024, repr=False)]


class PresetBody(BaseModel):
    """A preset; what is left out stays at the default."""

    threshold_multiplier: Annotated[float, Field(ge=1.0, le=10.0, allow_inf_nan=False, strict=True)] = 1.5
    min_energy: Annotated[
        float,
        Field(
            ge=0.0,
            le=5000.0,
            allow_inf_nan=False,
            strict=True,
            validation_alias=AliasChoices("min_energy", "min_energy_threshold"),
        ),
    ] = 120.0


class TermsBody(BaseModel):
    """What a counter prefers and may spend; null is as the server has it, or no budget."""

    transcritores: Annotated[tuple[str, ...], Field(max_length=16)] = ()
    caminho_rapido: Annotated[bool | None, Field(strict=True)] = None
    orcamento_diario_usd: Annotated[float | None, Field(ge=0, le=MOST_USD, allow_inf_nan=False, strict=True)] = None


_TERMS: Final = {
    "transcritores": "prefer",
    "caminho_rapido": "fast_path",
    "orcamento_diario_usd": "daily_budget_usd",
}
_REFUSED: Final = {
    "prefer": f"transcritores: cada um uma vez, entre {', '.join(TRANSCRIBERS)}",
    "daily_budget_usd": "campo orcamento_diario_usd inválido",
}


@routes.post("/admin/login")
@described(topic="administration", body=LoginBody, media=("text/plain",))
async def log_in(request: web.Request) -> web.Response:
    """Begin an administrator's session, kept in a cookie that no script and no other site gets at."""
    spend(request.app[LIMITS].logins, remote_of(request))
    body = await read_model(request, LoginBody)
    door = request.app[ADMIN_DOOR]
    if not await door.admits(body.password):
        raise RequestError(401, "senha incorreta")
    response = web.Response(text="OK", headers={"Cache-Control": "no-store"})
    response.set_cookie(
        COOKIE,
        door.issue(),
        max_age=SESSION_S,
        path="/",
        httponly=True,
        samesite="Strict",
        # Claiming to have come by https can only make the claimant's own cookie stricter.
        secure=request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https",
    )
    return response


@routes.get("/api/admin/client/{codigo}/balcoes")
@described(topic="administration", gives=list[PresetShown])
async def presets(request: web.Request) -> web.Response:
    """Return the counters of a client with their presets."""
    try:
        counters = await counters_of(request.app[BALTO].library, request.match_info["codigo"])
    except UnknownClientError as error:
        raise RequestError(404, str(error)) from None
    return answer([_shown(counter) for counter in counters])


@routes.put("/api/admin/balcao/{id}/vad")
@described(topic="administration", body=PresetBody, gives=PresetChanged)
async def set_preset(request: web.Request) -> web.Response:
    """Change the preset of a counter; sessions that start later have it."""
    body = await read_model(request, PresetBody)
    balto, counter_id = request.app[BALTO], request.match_info["id"]
    vad = VadSettings(threshold_multiplier=body.threshold_multiplier, min_energy=body.min_energy)
    try:
        await change_preset(balto.library, counter_id, vad, clock=balto.clock)
    except UnknownCounterError as error:
        raise RequestError(404, str(error)) from None
    return answer({"status": "updated", "balcao_id": counter_id, **_preset(vad)})


@routes.get("/api/admin/balcao/{id}/preferencias")
@described(topic="administration", gives=Preferences)
async def terms(request: web.Request) -> web.Response:
    """Return what a counter prefers of the engines and may spend a day."""
    counter_id = request.match_info["id"]
    try:
        counter = await load_counter(request.app[BALTO].library.store, counter_id)
    except UnknownCounterError as error:
        raise RequestError(404, str(error)) from None
    return answer({"balcao_id": counter_id, **_preferences(counter.terms)})


@routes.put("/api/admin/balcao/{id}/preferencias")
@described(topic="administration", body=TermsBody, gives=PreferencesChanged)
async def set_terms(request: web.Request) -> web.Response:
    """Change what a counter prefers of the engines and may spend a day; what the body leaves out stays."""
    body = await read_model(request, TermsBody)
    balto, counter_id = request.app[BALTO], request.match_info["id"]
    changes = {_TERMS[name]: getattr(body, name) for name in body.model_fields_set}
    try:
        terms = await change_terms(
            balto.library, counter_id, lambda former: replace(former, **changes), clock=balto.clock
        )
    except UnknownCounterError as error:
        raise RequestError(404, str(error)) from None
    except TermsError as error:
        raise RequestError(400, _REFUSED[error.field]) from None
    return answer({"status": "updated", "balcao_id": counter_id, **_preferences(terms)})


def _shown(counter: Counter) -> dict[str, str | float]:
    return {"balcao_id": counter.counter_id, "nome_balcao": counter.name, **_preset(counter.vad)}


def _preferences(terms: CounterTerms) -> dict[str, Any]:
    return {
        "transcritores": list(terms.prefer),
        "caminho_rapido": terms.fast_path,
        "orcamento_diario_usd": terms.daily_budget_usd,
    }


def _preset(vad: VadSettings) -> dict[str, float]:
    return {"threshold_multiplier": vad.threshold_multiplier, "min_energy": vad.min_energy}
