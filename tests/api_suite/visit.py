"""A visit to a server: whom the suite is there, what it registered, and every call that it makes."""

import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

AFAR: Final = {"X-Forwarded-For": "203.0.113.9"}
"""A call that proves nothing of where it comes from: a server that trusts its own machine trusts no such call."""
_SHOWN: Final = 360
_SECRETS: Final = re.compile(r"(\bb[kt]_|\"token\": ?\")[\w-]{8,}")

LOG: Final[ContextVar[list[str]]] = ContextVar("LOG")
"""What the check that runs now has sent and received, a line each."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, Any]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Counter:
    """A counter that the suite registered."""

    name: str
    id: str
    key: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Visit:
    """What is known of the server and of what the suite left there."""

    url: str
    password: str | None = field(repr=False)
    http: aiohttp.ClientSession
    """Without a cookie."""
    admin: aiohttp.ClientSession
    """With the administrator's, once logged in."""
    mark: str = field(default_factory=lambda: secrets.token_hex(6))
    """In every name that this run registers."""
    code: str = ""
    counters: list[Counter] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    recommendation: str = ""
    """Id of one that was answered over the socket."""

    @property
    def email(self) -> str:
        """The e-mail address of the client that this run registers."""
        return f"suite-{self.mark}@balto.example"

    async def call(
        self,
        method: str,
        path: str,
        *,
        as_admin: bool = False,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: Any = None,
        quiet: bool = False,
    ) -> Answer:
        """Call a route from afar: as the administrator, with a key, or as nobody.

        Args:
            method: of HTTP.
            path: with its query.
            as_admin: whether to show the administrator's cookie.
            key: shown as a bearer.
            headers: more of them.
            json: the body.
            data: a body that is no JSON.
            quiet: whether the body is kept out of the log.
        """
        sent = {**AFAR, **(headers or {})}
        if key is not None:
            sent["Authorization"] = f"Bearer {key}"
        http = self.admin if as_admin else self.http
        async with http.request(method, self.url + path, headers=sent, json=json, data=data) as response:
            answer = Answer(response.status, response.headers, response.cookies, await response.read())
        who = "administrador" if as_admin else "balcão" if key else "ninguém"
        self.note(f"→ {method} {path} ({who}) {'' if json is None or quiet else _short(json)}".rstrip())
        self.note(f"← {answer.status} {_shown(answer)}".rstrip())
        return answer

    async def registrar(self, path: str, body: Any) -> Answer:
        """Call a route of registration as whoever may: the administrator, where there is a password."""
        return await self.call("POST", path, as_admin=self.password is not None, json=body)

    def note(self, line: str) -> None:
        """Write a line into the log of the running check, without a secret."""
        hidden = _SECRETS.sub(r"\1…", line)
        LOG.get().append(hidden.replace(self.password, "…") if self.password else hidden)

    @property
    def socket_url(self) -> str:
        """Address of the socket."""
        return re.sub("^http", "ws", self.url) + "/ws"


@asynccontextmanager
async def visiting(url: str, password: str | None) -> AsyncIterator[Visit]:
    """Open the connections of a visit."""
    # Cookies of a server that is named by its address count, too.
    jar = aiohttp.CookieJar(unsafe=True)
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout) as http,
        aiohttp.ClientSession(cookie_jar=jar, timeout=timeout) as admin,
    ):
        yield Visit(url=url.rstrip("/"), password=password, http=http, admin=admin)


def _shown(answer: Answer) -> str:
    kind = answer.headers.get("Content-Type", "")
    if "json" in kind or kind.startswith("text/plain"):
        return _short(answer.body.decode(errors="replace"))
    return f"{len(answer.body)} bytes, {kind}" if answer.body else ""


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = re.sub(r'("audio_base64": ?")[^"]{20,}', r"\1…", " ".join(text.split()))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def keys_of(items: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return every key of some objects."""
    return {key for item in items for key in item}
