"""Resume tokens: proof that whoever takes a session up again is the client that it was given to."""

import hashlib
import hmac


def resume_token(key_sha256: str, session_id: str) -> str:
    """Return the token of a session: HMAC-SHA256 (RFC 2104) under the hash of its counter's key, in hex.

    Every node that shares the database knows that hash, so any of them can check the token, and a rotated key makes
    earlier tokens worthless.
    """
    return hmac.new(bytes.fromhex(key_sha256), f"resume:{session_id}".encode(), hashlib.sha256).hexdigest()


def is_resume_token(token: str, key_sha256: str, session_id: str) -> bool:
    """Return whether a token is that session's, in constant time."""
    return hmac.compare_digest(token.encode(), resume_token(key_sha256, session_id).encode())
