"""API keys and the e-mail that makes a client unique."""

import hashlib

import pytest

from balto.accounts import is_email, normalise_email
from balto.security.keys import hash_key, looks_like_key, new_key


def test_a_key_is_bk_and_32_random_bytes() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(looks_like_key(key) and len(key) == 3 + 43 for key in keys)


def test_a_key_is_known_by_its_sha256() -> None:
    assert hash_key("bk_abc") == hashlib.sha256(b"bk_abc").hexdigest()


@pytest.mark.parametrize(
    "text", ["", "bk_", "BK_" + "a" * 43, "bk_" + "a" * 42, "bk_" + "a" * 44, "bk_" + "a" * 43 + "\n"]
)
def test_other_texts_do_not_look_like_keys(text: str) -> None:
    assert not looks_like_key(text)


@pytest.mark.parametrize("email", ["a@b.example", "dona.maria+balcao@sub.farmacia.com.br", "joão@farmácia.example"])
def test_addresses_are_taken(email: str) -> None:
    assert is_email(email)


@pytest.mark.parametrize(
    "text", ["", "a", "@b.example", "a@", "a@b", "a@b..example", "a b@c.example", "a@b.example\x00", "a@b@c.example"]
)
def test_other_texts_are_not(text: str) -> None:
    assert not is_email(text)


def test_two_spellings_of_one_address_are_the_same() -> None:
    assert normalise_email(" DONA@Farmácia.Example ") == normalise_email("dona@farma\u0301cia.example")
