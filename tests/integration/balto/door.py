"""What tests of the routes do again and again: register, log in, send audio, come from afar."""

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import FormData, web
from aiohttp.test_utils import TestClient

Client = TestClient[web.Request, web.Application]

PASSWORD = "uma senha só do teste"
WRONG = "Bearer bk_" + "a" * 43
"""Shows a key that opens nothing."""
AFAR: Mapping[str, str] = {"X-Forwarded-For": "203.0.113.9"}
"""Makes a request look as if a proxy passed it on: its peer's address proves nothing then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A client with one counter."""

    code: str
    counter_id: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a request from afar that shows the counter's key."""
        return {**AFAR, "Authorization": f"Bearer {self.key}"}


async def register(client: Client, email: str = "dona@farmacia.example", name: str = "Balcão 1") -> Registered:
    """Register a client and one counter."""
    made = await client.post("/cadastro/cliente", json={"email": email, "razao_social": "Farmácia"})
    assert made.status == 201
    code = (await made.json())["codigo"]
    counter = await client.post("/cadastro/balcao", json={"nome_balcao": name, "user_codigo": code})
    assert counter.status == 200
    body = await counter.json()
    return Registered(code=code, counter_id=body["balcao_id"], key=body["api_key"])


async def log_in(client: Client) -> None:
    """Log in as administrator; the client keeps the cookie."""
    response = await client.post("/admin/login", json={"password": PASSWORD})
    assert response.status == 200


def audio_form(audio: bytes, **fields: str) -> FormData:
    """Return a multipart body with an audio file."""
    form = FormData(fields)
    form.add_field("audio", audio, filename="fala.wav", content_type="audio/wav")
    return form


async def error_of(response: Any) -> str:
    """Return the one line of a refusal, having checked that it is nothing but that."""
    body = await response.json()
    assert list(body) == ["erro"]
    assert isinstance(body["erro"], str)
    assert "\n" not in body["erro"]
    assert "Traceback" not in body["erro"]
    return body["erro"]


def each(
    names: str | tuple[str, ...], cases: Iterable[Any]
) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., Coroutine[Any, Any, None]]]:
    """Run a test over cases as `pytest.mark.parametrize` does, but all in one house; for those that leave it as it was.

    A failure names its case.
    """
    listed = (names,) if isinstance(names, str) else names

    def decorate(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
        async def over_cases(**fixtures: Any) -> None:
            for case in cases:
                given = dict(zip(listed, case if isinstance(names, tuple) else (case,), strict=True))
                try:
                    await test(**fixtures, **given)
                except BaseException as error:
                    error.add_note(f"with {given}")
                    raise

        signature = inspect.signature(test)
        fixtures = [one for one in signature.parameters.values() if one.name not in listed]
        over_cases.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined] # read by pytest
        over_cases.__name__, over_cases.__doc__, over_cases.__module__ = test.__name__, test.__doc__, test.__module__
        return over_cases

    return decorate
