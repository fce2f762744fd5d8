"""How Brazilian Portuguese sounds, as a key that is the same for spellings a listener can't tell apart."""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import partial
from operator import methodcaller

_RULES: tuple[tuple[str, Callable[[str], str]], ...] = tuple(
    (letters, partial(re.compile(f"(?m){pattern}").sub, other) if pattern else methodcaller("replace", letters, other))
    for letters, pattern, other in (
        ("ph", "", "f"),
        ("th", "", "t"),
        ("w", "", "v"),
        ("y", "", "i"),
        ("lh", "", "li"),
        ("nh", "", "ni"),
        ("h", r"[cs]h", "x"),
        ("ex", r"^ex(?=[aeiou])", "es"),
        ("c", r"[xs]c(?=[ei])", "s"),
        ("q", r"q(?:u(?=[ei]))?", "k"),
        ("gu", r"gu(?=[ei])", "G"),
        ("g", r"g(?=[ei])", "j"),
        ("c", r"c(?=[ei])", "s"),
        ("c", "", "k"),
        ("G", "", "g"),
        ("z", "", "s"),
        ("ks", r"ks+", "x"),
        ("h", "", ""),
        ("m", r"m(?![aeiou])", "n"),
        ("l", r"l(?![aeiou])", "u"),
        ("ou", "", "o"),
        ("ei", "", "e"),
        ("e", "", "i"),
        ("o", "", "u"),
        ("r", r"r$", ""),
        ("", r"(.)\1+", r"\1"),
    )
)
"""Applied in order to folded text. Unstressed e/i and o/u merge in speech, and a coda l is said as u.

Each with the letters without which it changes nothing: most concern few words, and to look for an expression takes ten
times as long as for letters. None reaches beyond a line.
"""
_SILENT = re.compile(r"[^a-z0-9]+")
_SILENT_IN_LINES = re.compile(r"[^a-z0-9\n]+")


def fold(text: str) -> str:
    """Return a text without case and accents; ç becomes c."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    for mark in filter(unicodedata.combining, set(decomposed)):
        decomposed = decomposed.replace(mark, "")
    # Once more: what is decomposed may be a capital ("ᴬ").
    return decomposed.casefold()


def phonetic_key(text: str) -> str:
    """Return the key of how a text sounds in Brazilian Portuguese, word breaks and punctuation left out.

    Equal keys stand for: x/ch/sh/cç, s/ss/ç/z and c before e or i, c/k/q/qu, g/j before e or i, lh/li, nh/ni,
    mute h, ph/f, th/t, m/n before a consonant, ã/an, l/u at the end of a syllable, unstressed e/i and o/u, ou/o,
    ei/e, doubled letters, and the r of infinitives that nobody says. b and v stay apart,
    as they do in Brazil.
    """
    return _by_rules(_SILENT.sub("", spoken(text)))


def phonetic_keys(texts: Collection[str]) -> list[str]:
    """Return the key of each of many texts, which `spoken` has spelled out and which have no line breaks.

    The rules go over all of them together, in a third of the time.
    """
    return _by_rules(_SILENT_IN_LINES.sub("", "\n".join(texts))).split("\n") if texts else []


def spoken(text: str) -> str:
    """Return a folded text in which letters are spelled out that folding would make others: ç as ss, ã as an."""
    return fold(text.casefold().replace("ç", "ss").replace("ã", "an"))


def spoken_otherwise(word: str) -> bool:
    """Tell whether a word in lower case is spelled out otherwise than folded."""
    return "ç" in word or "ã" in word


def _by_rules(key: str) -> str:
    for letters, apply in _RULES:
        if letters in key:
            key = apply(key)
    return key


_REPEATED = re.compile(r"(.)\1+")
_VOICELESS = str.maketrans("bdgvj", "ptkfx", "aiu")


def skeleton(key: str) -> str:
    """Return the consonants of a phonetic key with voice taken off (b as p, d as t, g as k, v as f, j as x).

    What a recogniser mishears is mostly vowels and voice, so this is what two likenesses must still share.
    """
    return _REPEATED.sub(r"\1", key.translate(_VOICELESS))


def skeletons(keys: Sequence[str]) -> list[str]:
    """Return the skeleton of each of many keys."""
    return skeleton("\n".join(keys)).split("\n") if keys else []
