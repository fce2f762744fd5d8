"""The administrator: the password and the signed sessions that follow from it."""

import asyncio
import base64
import hashlib
import hmac
import logging
import os
import secrets
from pathlib import Path
from typing import Final, Self

import argon2
from pydantic import SecretStr

from actors.runtime.clock import Clock

logger = logging.getLogger(__name__)

COOKIE: Final = "admin_token"
SESSION_S: Final = 12 * 60 * 60
_SECRET_BYTES: Final = 32
_ARGON2: Final = "$argon2"


class AdminDoor:
    """Checks the administrator's password and issues and checks sessions.

    A session is `EXPIRY.RANDOM.SIGNATURE`: seconds since 1970, 128 random bits, and the HMAC-SHA256 (RFC 2104) of
    both. The signing key is derived from the secret and the password, so a changed password ends every session.

    Args:
        password: in the clear or as an Argon2 hash (`$argon2id$…`); without one, or with an empty one, nobody gets in.
        secret: the server's secret, `_SECRET_BYTES` long.
        clock: asked for the time of day.

    Raises:
        ValueError: the password starts like an Argon2 hash but is none.
    """

    def __init__(self, password: SecretStr | None, secret: bytes, clock: Clock) -> None:
        self._password = password.get_secret_value() if password else ""
        self._hashed = self.check(password)
        self._signing_key = hmac.digest(secret, b"admin-session\0" + self._password.encode(), hashlib.sha256)
        self._clock = clock

    @classmethod
    def open(cls, password: SecretStr | None, data_dir: Path, clock: Clock) -> Self:
        """Build it with the secret kept in the data folder."""
        return cls(password, load_secret(data_dir / "admin.secret"), clock)

    @staticmethod
    def check(password: SecretStr | None) -> bool:
        """Return whether the password is given as a hash.

        Raises:
            ValueError: it starts like an Argon2 hash but is none.
        """
        given = password.get_secret_value() if password else ""
        if not given.startswith(_ARGON2):
            return False
        try:
            argon2.extract_parameters(given)
        except argon2.exceptions.InvalidHashError:
            raise ValueError("BALTO_ADMIN_PASSWORD starts like an Argon2 hash but is none") from None
        return True

    async def admits(self, password: str) -> bool:
        """Return whether this is the administrator's password. An Argon2 check runs on a thread."""
        if not self._password:
            return False
        if self._hashed:
            return await asyncio.to_thread(self._verify, password)
        given, right = (
            hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (password, self._password)
        )
        return hmac.compare_digest(given, right)

    def issue(self) -> str:
        """Return a new session, good for `SESSION_S` seconds."""
        claim = f"{self._now() + SESSION_S}.{secrets.token_hex(16)}"
        return f"{claim}.{self._sign(claim)}"

    def knows(self, session: str) -> bool:
        """Return whether a session was issued here and has not expired."""
        claim, _, signature = session.rpartition(".")
        if not hmac.compare_digest(self._sign(claim).encode(), signature.encode("utf-8", "surrogatepass")):
            return False
        expiry = claim.partition(".")[0]
        return bool(self._password) and expiry.isdecimal() and int(expiry) > self._now()

    def _verify(self, password: str) -> bool:
        try:
            return argon2.PasswordHasher().verify(self._password, password)
        except argon2.exceptions.VerificationError:
            return False

    def _now(self) -> int:
        return int(self._clock.utc().timestamp())

    def _sign(self, claim: str) -> str:
        digest = hmac.digest(self._signing_key, claim.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def load_secret(path: Path) -> bytes:
    """Return the secret kept in a file, made at the first call and readable by its owner alone.

    Where the folder cannot be written, the secret lives as long as the process: its sessions end with it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_secret(path)
        path.chmod(0o600)
        secret = path.read_bytes()
    except OSError as error:
        logger.warning("no secret can be kept in the data folder: %s", type(error).__name__)
        return secrets.token_bytes(_SECRET_BYTES)
    if len(secret) != _SECRET_BYTES:
        logger.warning("the secret in the data folder is damaged; sessions end with this process")
        return secrets.token_bytes(_SECRET_BYTES)
    return secret


def _make_secret(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
        # A link never replaces: of two processes that start together, the second takes the first's secret.
        path.hardlink_to(draft)
    except FileExistsError:
        logger.debug("another process made the secret first")
    finally:
        draft.unlink()
