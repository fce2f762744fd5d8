"""The administrator's password, sessions and secret."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from balto.security.admin import SESSION_S, AdminDoor, load_secret
from tests.fakes import FakeClock

SECRET = bytes(range(32))


def door(password: str | None = "senha", secret: bytes = SECRET, clock: FakeClock | None = None) -> AdminDoor:
    return AdminDoor(None if password is None else SecretStr(password), secret, clock or FakeClock())


async def test_only_the_password_itself_is_admitted() -> None:
    assert await door().admits("senha")
    for wrong in ("", "Senha", "senha ", "senh", "senha\x00", "\ud800"):
        assert not await door().admits(wrong)


@pytest.mark.parametrize("unset", [None, ""])
async def test_without_a_password_nothing_is_admitted_and_no_session_is_known(unset: str | None) -> None:
    closed = door(unset)
    assert not await closed.admits("")
    assert not closed.knows(closed.issue())


def test_a_session_lasts_twelve_hours() -> None:
    clock = FakeClock()
    issuing = door(clock=clock)
    session = issuing.issue()
    assert issuing.knows(session)
    clock.advance(SESSION_S - 0.5)
    assert issuing.knows(session)
    clock.advance(0.5)
    assert not issuing.knows(session)


def test_a_session_of_another_secret_or_password_is_not_known() -> None:
    session = door().issue()
    assert door().knows(session)
    assert not door(secret=bytes(32)).knows(session)
    assert not door("outra").knows(session)


def test_sessions_are_never_twice_the_same() -> None:
    assert len({door().issue() for _ in range(100)}) == 100


def test_a_longer_expiry_is_not_believed() -> None:
    expiry, random, signature = door().issue().split(".")
    assert not door().knows(f"{int(expiry) + 1}.{random}.{signature}")
    assert not door().knows(f"{expiry}.{random[::-1]}.{signature}")


@given(st.text(max_size=80))
def test_no_other_text_is_a_session(text: str) -> None:
    assert not door().knows(text)


def test_what_only_looks_like_a_hash_is_refused_without_being_quoted() -> None:
    with pytest.raises(ValueError, match="Argon2") as caught:
        door("$argon2id$segredo")
    assert "segredo" not in str(caught.value)


def test_the_secret_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "admin.secret"
    secret = load_secret(path)
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert load_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["admin.secret"]


def test_where_nothing_can_be_kept_each_process_has_a_secret_of_its_own(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert load_secret(blocked / "admin.secret") != load_secret(blocked / "admin.secret")


def test_a_damaged_secret_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "admin.secret"
    path.write_bytes(b"short")
    assert len(load_secret(path)) == 32
