"""The words of a sentence: tokens with their places, stems, and the word lists that guard the matcher."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from actors.llm.numbers import letter_at, number_at
from actors.llm.phonetics import fold, phonetic_key

_TOKEN = re.compile(r"[^\W_]+")
_BREAK = re.compile(r"[.,;:?!]")
_REMEMBERED = 2048
"""Words whose stem, sound and kind are kept: people repeat themselves. To keep a vocabulary would save it nothing."""
_SENTENCES = 64
"""Sentences whose words are kept: each stage, and each witness of a stage, takes the same sentence apart."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a sentence."""

    text: str
    """Folded: no case, no accents."""
    heard: str
    """Lower case with its accents and ç, which tell how it sounds."""
    start: int
    """Index of its first character in the sentence."""
    end: int
    after_break: bool
    """Whether punctuation stands between it and the word before."""


MAX_LETTERS = 2000
"""Letters of a sentence that are looked at: more than anyone says between two pauses."""


def tokenise(sentence: str) -> tuple[Token, ...]:
    """Return the words of a sentence in order, spoken numbers as digits, within its first `MAX_LETTERS`."""
    return _tokens(sentence[:MAX_LETTERS])


@lru_cache(_SENTENCES)
def _tokens(sentence: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    previous_end = 0
    for match in _TOKEN.finditer(sentence):
        start, end = match.span()
        heard = match.group().casefold()
        after_break = _BREAK.search(sentence, previous_end, start) is not None
        tokens.append(Token(fold(heard), heard, start, end, after_break))
        previous_end = end
    return tuple(_written(tokens))


def _written(tokens: list[Token]) -> Iterator[Token]:
    """Join what makes up one number, and write letters that are said by name: "puran tê quatro" is "puran t 4"."""
    words = [token.text for token in tokens]
    place = 0
    while place < len(tokens):
        first = tokens[place]
        found = number_at(words, place)
        if found is not None and not any(token.after_break for token in tokens[place + 1 : found[1] + 1]):
            digits, place = str(found[0]), found[1]
            yield Token(digits, digits, first.start, tokens[place].end, first.after_break)
        else:
            letter = letter_at(words, place)
            yield Token(letter, letter, first.start, first.end, first.after_break) if letter else first
        place += 1


def load_words(name: str) -> frozenset[str]:
    """Return the folded words of a list that comes with the package; `#` starts a comment."""
    text = (files("actors.llm") / "word_lists" / name).read_text(encoding="utf-8")
    return frozenset(word for line in fold(text).splitlines() for word in line.partition("#")[0].split())


FILLERS = load_words("fillers.txt")
"""Words that say nothing about what is asked for: articles, light verbs, intensifiers, numbers."""

COMMON = FILLERS | load_words("common.txt")
"""Everyday words that leave a request as it is and never match a name by sound or by likeness, only exactly."""

_EVERYDAY = COMMON | load_words("everyday.txt")
"""More of them, which may well turn what a sentence says: "novela", "cachorro"."""

_SAME_STEM = {
    word: stem
    for stem, group in {
        "dor": "dores doi doem doia doeu doendo doer dolorido dolorida doendinho",
        "xixi": "urina urinar urinando urinei urinario mijar mijando mijo mija",
        "bebe": "bebes bebezinho nenem nene recem nascido",
        "crianca": "criancas filho filha filhos filhas filhinho filhinha neto neta menino menina",
        "coceira": "coca cocando cocar coceiras",
        "entupid": "entope emtupido emtupida entupiu entupido entupida entupidos entupimento trancado trancada",
        "dormir": "durmo durmi dormi dormindo dorme",
        "vomit": "vomito vomitos vomitando vomitar vomitei vomitou vomita",
        "febre": "febril febrinha febrao febres",
        "dormencia": "dormente dormentes adormecido adormecida",
    }.items()
    for word in group.split()
}

_SUFFIXES = frozenset(
    word
    for words in (
        "amento imento encia ancia mente acao eira ando endo indo aram ado ada ido ida aco ava",
        "ou ar er ir ei iu am em al a o e",
    )
    for word in words.split()
)
_LONGEST_SUFFIX = max(map(len, _SUFFIXES))
_MIN_STEM = 3
MIN_SOUNDED = 4
"""Letters of a stem that is compared by its sound: "dura" and "dor" would be one."""


_DIMINUTIVE = re.compile(r"(?:(z)?inh[oa]s?|(z)?ao|ac[oa]|issim[oa])$")
_MIN_BASE = 2


def bases(word: str) -> tuple[str, ...]:
    """Return a folded word and what it may be a diminutive or augmentative of: "dorzinha" is "dor" too."""
    match = _DIMINUTIVE.search(word)
    if match is None or match.start() < _MIN_BASE:
        return (word,)
    base = word[: match.start()]
    if match.group(1) or match.group(2):
        return (word, base, f"{base}z")
    if base.endswith(("qu", "gu")):  # "barriguinha", "boquinha"
        base = base[:-2] + ("c" if base.endswith("qu") else "g")
    return (word, base, f"{base}a", f"{base}o", f"{base}e")


@lru_cache(_REMEMBERED)
def says_nothing(word: str) -> bool:
    """Tell whether a folded word leaves a request as it is: a number, a common word or a diminutive of one."""
    return word.isdigit() or any(base in COMMON for base in bases(word))


@lru_cache(_REMEMBERED)
def is_common(word: str) -> bool:
    """Tell whether a folded word, or what it is a diminutive of, is an everyday word or a number."""
    return word.isdigit() or any(base in _EVERYDAY for base in bases(word))


@lru_cache(_REMEMBERED)
def is_everyday(word: str) -> bool:
    """Tell whether a folded word is a common one in any inflection, so that it is no part of a name in pieces."""
    return is_common(word) or (len(short := stem(word)) >= _MIN_STEM and short in _EVERYDAY_STEMS)


def light_stem(word: str) -> str:
    """Return a folded word without the endings of number and gender: safe for a word that stands alone."""
    singular = word[:-1] if len(word) > _MIN_STEM and word.endswith("s") else word
    return singular[:-1] if singular.endswith(("a", "o")) else singular


def stem_of(word: str) -> str:
    """Return what the inflections of a folded word have in common, roughly; a handful are listed by hand."""
    if word in _SAME_STEM:
        return _SAME_STEM[word]
    singular = word[:-1] if len(word) > _MIN_STEM and word.endswith("s") else word
    if singular in _SAME_STEM:
        return _SAME_STEM[singular]
    for size in range(min(_LONGEST_SUFFIX, len(singular) - _MIN_STEM), 0, -1):
        if singular[-size:] in _SUFFIXES:
            return singular[:-size]
    return singular


_EVERYDAY_STEMS = frozenset(map(stem_of, _EVERYDAY))


@lru_cache(_REMEMBERED)
def stem(word: str) -> str:
    """Return the stem of a word that is said; see `stem_of`."""
    return stem_of(word)


@lru_cache(_REMEMBERED)
def sound(joined: str) -> str:
    """Return the phonetic key of joined words."""
    return phonetic_key(joined)


def stem_sound(token: Token) -> str:
    """Return the phonetic key of a word's stem; a short stem is its own."""
    short = stem(token.text)
    return sound(heard_of_stem(token.text, token.heard, short)) if len(short) >= MIN_SOUNDED else short


def heard_of_stem(text: str, heard: str, stem: str) -> str:
    """Return a folded word's stem as it is heard, with the ç that folding loses."""
    same_letters = len(heard) == len(text) and text.startswith(stem)
    return heard[: len(stem)] if same_letters else stem
