"""The gate that every request passes: who calls, whether they may, and what they are told when something fails."""

import asyncio
import hmac
import ipaddress
import logging
import traceback
from collections.abc import Coroutine
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from balto.accounts import Counter, find_counter_by_key
from balto.analysts import find_tenant, looks_like_token
from balto.security.access import Access, Caller, access_to, allows
from balto.security.admin import COOKIE
from balto.security.keys import hash_key
from balto.security.limits import Busy, RateLimiter
from balto.security.proxies import Address, caller_of, parse_address
from balto.settings import is_loopback
from balto.web.answers import WORDS, RequestError, refusal
from balto.web.keys import ADMIN_DOOR, BALTO, CALLER, LIMITS
from events.store import StoreUnavailableError

logger = logging.getLogger(__name__)

_LOOKUP_PATIENCE_S: Final = 5.0
_FORWARDED: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


@web.middleware
async def tell_failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into `{"erro": …}`, without a traceback; where a socket has been opened it tells its own."""
    if _is_socket(request):
        try:
            return await handler(request)
        except web.HTTPException as error:  # before it was opened
            return _translated(error)
    try:
        return await handler(request)
    except RequestError as error:
        return refusal(error)
    except Busy:
        return refusal(RequestError(503, retry_after_s=5))
    except StoreUnavailableError as error:
        logger.warning("a request could not be answered: %s", error)
        return refusal(RequestError(503, "banco de dados indisponível", retry_after_s=1))
    except web.HTTPException as error:
        return _translated(error)
    except Exception as error:
        # Where it failed, but not the error's own words, which may quote what was said at a counter.
        trace = "".join(traceback.format_tb(error.__traceback__))
        route = _route(request) or "an unknown route"
        logger.error("%s %s failed: %s\n%s", request.method, route, type(error).__name__, trace)  # noqa: TRY400 - see above
        return refusal(RequestError(500))


@web.middleware
async def check_access(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request through to its route only if the table of access says so, with its caller in `CALLER`."""
    route = _route(request)
    if route is None:
        return await handler(request)  # raises 404 or 405
    if not all(value.isprintable() for value in request.match_info.values()):
        raise RequestError(404)
    if not all(value.isprintable() for value in request.query.values()):
        raise RequestError(400)
    access = access_to(request.method, route)
    if access is None:
        logger.error("%s %s is not in the table of access", request.method, route)
        raise RequestError(403)
    if access in (Access.PUBLIC, Access.HANDSHAKE):
        return await handler(request)
    if access is Access.REGISTRATION and _asked_by_a_foreign_page(request):
        raise RequestError(403)
    caller = await _identify(request)
    if not allows(access, caller, open_registration=request.app[BALTO].settings.registration_is_open):
        raise RequestError(401 if caller.counter is None and caller.analyst_of is None else 403)
    request[CALLER] = caller
    return await handler(request)


async def is_still_known(request: web.Request) -> bool:
    """Return whether who was let through when a request came would be let through now; for answers that go on.

    While the database is away nothing new is known about a key, and the caller stays who they are.
    """
    try:
        return await _identify(request) == request[CALLER]
    except RequestError:
        return False
    except StoreUnavailableError:
        return True


def remote_of(request: web.Request) -> str:
    """Return whom a rate limit counts: the caller's IPv4 address, or the network that an IPv6 caller can choose from.

    The caller is the peer, or, behind proxies that are trusted, whom they speak for.
    """
    peer = _peer(request)
    if peer is None:
        return "unknown"
    trusted = request.app[BALTO].settings.trusted_proxies
    address = caller_of(peer, request.headers.getall("X-Forwarded-For", []), trusted)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def spend(limiter: RateLimiter, caller: str) -> None:
    """Take a token of a rate limit.

    Raises:
        RequestError: 429, there is none.
    """
    wait_s = limiter.take(caller)
    if wait_s:
        raise RequestError(429, retry_after_s=wait_s)


def sits_here(request: web.Request) -> bool:
    """Return whether a request comes from this machine itself.

    The peer's address alone doesn't prove it: a proxy in front has it too, and so has a browser that runs a page of
    another site. So nothing may have been forwarded, the name asked for must be this machine's, and a page that asks
    must be one of this server's.
    """
    return _comes_straight_from_here(request) and _asks_for_this_machine(request) and not _of_another_origin(request)


def _asked_by_a_foreign_page(request: web.Request) -> bool:
    """Return whether a browser asks for a page of another site, be it under a name that this machine was lent."""
    if hdrs.ORIGIN not in request.headers:
        return False
    lent = _comes_straight_from_here(request) and not _asks_for_this_machine(request)
    return lent or _of_another_origin(request)


def _comes_straight_from_here(request: web.Request) -> bool:
    address = _peer(request)
    return address is not None and address.is_loopback and not any(name in request.headers for name in _FORWARDED)


def _asks_for_this_machine(request: web.Request) -> bool:
    try:
        return is_loopback(URL(f"http://{request.host}").host or "")
    except ValueError:
        return False


def _of_another_origin(request: web.Request) -> bool:
    given = request.headers.get(hdrs.ORIGIN)
    if given is None:
        return False
    try:
        origin = URL(given)
        # Behind a proxy that speaks TLS the scheme here is not the browser's.
        return (
            origin.scheme not in ("http", "https")
            or origin.authority != URL(f"{origin.scheme}://{request.host}").authority
        )
    except ValueError:
        return True


async def _identify(request: web.Request) -> Caller:
    admin = request.app[ADMIN_DOOR].knows(request.cookies.get(COOKIE, ""))
    key = _key_of(request)
    counter = analyst_of = None
    watcher = key is not None and _watches(request, key)
    if key is not None and not watcher and looks_like_token(key):
        analyst_of = await _tenant_of(request, key)
    elif key is not None and not watcher:
        counter = await _counter_of(request, key)
    trusted = request.app[BALTO].settings.loopback_is_trusted
    # Who shows a key acts for its counter, and who shows a token for its client, wherever they sit.
    here = trusted and key is None and sits_here(request)
    return Caller(admin=admin, counter=counter, analyst_of=analyst_of, watcher=watcher, loopback=here)


async def recognise(app: web.Application, remote: str, key: str) -> Counter | None:
    """Return the counter that a key opens, None for a key that opens nothing.

    Args:
        app: whose counters and limits.
        remote: of `remote_of`.
        key: as it was shown.

    Raises:
        RequestError: 429 (4002 on the socket), the address has shown too many unknown keys, and this is none of those
            that opened a counter lately.
        StoreError: the database could not be asked; nothing is known about the key.
    """
    return await _looked_up(app, remote, key, find_counter_by_key(app[BALTO].library, key))


async def _looked_up[T](
    app: web.Application, remote: str, secret: str, look: Coroutine[Any, Any, T | None]
) -> T | None:
    guard, secret_sha256 = app[LIMITS].keys, hash_key(secret)
    wait_s = guard.wait_s(remote, secret_sha256)
    if wait_s:
        look.close()
        raise RequestError(429, "muitas chaves erradas; tente mais tarde", retry_after_s=wait_s)
    try:
        async with asyncio.timeout(_LOOKUP_PATIENCE_S):
            found = await look
    except TimeoutError:
        raise StoreUnavailableError("the database did not say in time whose key it is") from None
    if found is not None:
        guard.opened(secret_sha256)
    elif guard.missed(remote, secret_sha256):
        logger.warning("many unknown keys from %s: its unknown keys are refused for a while", remote)
    return found


async def _tenant_of(request: web.Request, token: str) -> str:
    look = find_tenant(request.app[BALTO].library.store, token)
    tenant = await _looked_up(request.app, remote_of(request), token, look)
    if tenant is None:
        raise RequestError(401, "chave inválida")
    return tenant


async def _counter_of(request: web.Request, key: str) -> Counter:
    counter = await recognise(request.app, remote_of(request), key)
    if counter is None:
        raise RequestError(401, "chave inválida")
    return counter


def _watches(request: web.Request, key: str) -> bool:
    token = request.app[BALTO].settings.metrics_token
    return token is not None and hmac.compare_digest(
        key.encode("utf-8", "surrogatepass"), token.get_secret_value().encode()
    )


def _key_of(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("X-API-Key")


def _peer(request: web.Request) -> Address | None:
    return parse_address(request.remote or "")


def _route(request: web.Request) -> str | None:
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


def _is_socket(request: web.Request) -> bool:
    route = _route(request)
    return route is not None and access_to(request.method, route) is Access.HANDSHAKE


def _translated(error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error
    response = refusal(RequestError(error.status, WORDS.get(error.status, "requisição recusada")))
    if hdrs.ALLOW in error.headers:
        response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    return response
