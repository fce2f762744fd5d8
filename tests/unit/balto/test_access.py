"""The table of access, without a server."""

from itertools import product

import pytest

from balto.accounts import Counter
from balto.security.access import TABLE, Access, Caller, access_to, allows

NOBODY = Caller()
ADMIN = Caller(admin=True)
COUNTER = Caller(counter=Counter(counter_id="c", code="123456", name="Balcão"))
ANALYST = Caller(analyst_of="123456")
WATCHER = Caller(watcher=True)
HERE = Caller(loopback=True)
ALL = (NOBODY, ADMIN, COUNTER, ANALYST, WATCHER, HERE)


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        (Access.PUBLIC, set(ALL)),
        (Access.HANDSHAKE, set(ALL)),
        (Access.ADMIN, {ADMIN}),
        (Access.ADMIN_OR_KEY, {ADMIN, COUNTER}),
        (Access.LOOPBACK_OR_KEY_OR_ADMIN, {ADMIN, COUNTER, HERE}),
        (Access.LOOPBACK_OR_ADMIN, {ADMIN, HERE}),
        (Access.LOOPBACK_OR_TOKEN_OR_ADMIN, {ADMIN, HERE, ANALYST}),
        (Access.LOOPBACK_OR_WATCHER_OR_ADMIN, {ADMIN, HERE, WATCHER}),
        (Access.TOKEN_OR_ADMIN, {ADMIN, ANALYST}),
    ],
)
def test_each_kind_of_route_is_for_these_and_no_others(access: Access, allowed: set[Caller]) -> None:
    for caller, is_open in product(ALL, (True, False)):
        assert allows(access, caller, open_registration=is_open) == (caller in allowed)


def test_registration_is_for_everyone_while_it_is_open_and_else_for_the_administrator() -> None:
    assert all(allows(Access.REGISTRATION, caller, open_registration=True) for caller in ALL)
    assert [c for c in ALL if allows(Access.REGISTRATION, c, open_registration=False)] == [ADMIN]


def test_what_the_table_does_not_know_has_no_access() -> None:
    assert access_to("GET", "/outra") is None
    assert access_to("DELETE", "/admin/login") is None
    assert access_to("HEAD", "/healthz") is Access.PUBLIC


def test_nothing_that_shows_what_was_said_is_public() -> None:
    public = {path for (_, path), access in TABLE.items() if access is Access.PUBLIC}
    documents = {"/docs", "/api/v1/openapi.json", "/api/v1/asyncapi.json"}
    assert public == {"/", "/console/{file}", *documents, "/healthz", "/readyz", "/admin/login"}
