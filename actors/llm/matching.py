"""The matching index: every way to say every entry, compiled once, and the search for them in a sentence."""

from collections.abc import Iterator, Sequence

from rapidfuzz import fuzz

from actors.llm.anatomy import Anatomy
from actors.llm.forms import MIN_ACROSS, MIN_LIKE, Form, Match, by_skeleton, said_at
from actors.llm.likeness import MIN_RATIO, Likeness
from actors.llm.phonetics import skeleton
from actors.llm.spelling import Spelt, bag, spelled
from actors.llm.words import (
    FILLERS,
    Token,
    bases,
    is_common,
    is_everyday,
    light_stem,
    sound,
    stem,
    stem_sound,
    tokenise,
)
from actors.values import LexiconEntry

_DENIAL = stem("nao")

_MIN_RATIO_OF_WORDS = 90.0
"""The same for expressions: in a long one the usual likeness still leaves room for another word."""

_MAX_WINDOW = 6
"""Words joined before comparing."""
_MAX_BAG = 4
"""Telling words whose order is free."""
_MIN_LONE_STEM = 5
"""Letters of a stem that may stand alone for an inflected word."""
_MIN_SOUND = 4
"""Letters of a phonetic key that may match by sound."""
_MIN_SOUND_OF_MEDICINES = 5
"""The same of medicines: brands are short and many."""
_MIN_SPLIT_SOUND = 6
"""The same where the words that match are several: short ones sound like much else."""
_MIN_LIKE_SPLIT = 8
"""The same where either is several words."""
_MIN_LIKE_SKELETON = 9
"""Letters of a phonetic key whose consonants need only be alike; a shorter one's must be the same."""
_MIN_TOLERANT_START = 7
"""Letters of a phonetic key from which even the first one may be misheard."""
_MIN_SPLIT_JOIN = 5
"""Letters of a name that may be pieced together from several words."""

_OPPOSED = "anti"
"""Beginning of a word that is for what its rest is against: no "cólica" in "anticólica"."""
_MIN_SKELETON_SPLIT = 5
"""Consonants from which even the first letter may differ, and a name may be in pieces."""
_MIN_RATIO_OF_SKELETON = 76.0
"""Likeness of two keys of the same consonants."""

_EXACT, _INFLECTED, _COMPOUND, _SOUND, _LIKE, _ACROSS = 1.0, 0.97, 0.95, 0.94, 0.93, 0.9
"""Scores by kind of match; that of a likeness is multiplied by its ratio."""


class MatchingIndex:
    """All forms of all entries, indexed by spelling, stems, sound and likeness; immutable once built."""

    def __init__(self, entries: Sequence[LexiconEntry]) -> None:
        self._exact: dict[str, Form] = {}
        self._lone: dict[str, Form] = {}
        self._stems: dict[tuple[str, ...], Form] = {}
        self._stem_sounds: dict[tuple[str, ...], Form] = {}
        self._sounds: dict[str, Form] = {}
        self._known: set[str] = set()
        likes: list[str] = []
        owners = (entry for entry in entries for _ in (entry.name, *entry.forms))
        names = (name for entry in entries for name in (entry.name, *entry.forms))
        for entry, spelt in zip(owners, spelled(names), strict=True):
            self._add(entry, spelt, likes)
        self._likes = Likeness(likes)
        self._across = sorted(key for key in self._sounds if len(key) >= MIN_ACROSS)
        self._skeletons = by_skeleton(self._sounds)
        self._anatomy = Anatomy(self.entry)

    def find(self, tokens: Sequence[Token]) -> list[Match]:
        """Return the entries named in a sentence, in its order, no two of them overlapping."""
        found = [
            *self._by_words(tokens),
            *self._by_stems(tokens),
            *self._by_anatomy(tokens),
            *self._across_words(tokens),
        ]
        # A likeness never takes words from a match that is sure of them.
        found.sort(key=lambda match: (match.score < _LIKE, -match.weight, match.first))
        taken: set[int] = set()
        chosen: list[Match] = []
        for match in found:
            again = match.places and any(match.entry is other.entry and _overlap(match, other) for other in chosen)
            if match.fits(taken) and not again:
                taken.update(match.places or range(match.first, match.last + 1))
                chosen.append(match)
        return sorted(chosen, key=lambda match: match.first)

    def entry(self, name: str) -> LexiconEntry | None:
        """Return the entry that a name or form belongs to, spelled right but for case and accents."""
        form = self._exact.get("".join(token.text for token in tokenise(name)))
        return form.entry if form else None

    def _add(self, entry: LexiconEntry, spelt: Spelt, likes: list[str]) -> None:
        words, telling, stems, stem_sounds, key = spelt
        joined = "".join(words)
        if not joined:
            return
        form = Form(entry, len(joined), MIN_RATIO if len(telling) < 2 else _MIN_RATIO_OF_WORDS, len(words))
        self._known.update(words)
        self._exact.setdefault(joined, form)
        # "Não tem tosse" must not become "não para de tossir", so a denying form needs more to go by.
        if len(stems) > (2 if _DENIAL in stems else 1):
            self._stems.setdefault(stems, form)
            self._stem_sounds.setdefault(stem_sounds, form)
        elif len(words) == 1 and len(alone := light_stem(joined)) >= _MIN_LONE_STEM:
            self._lone.setdefault(alone, form)
        least = _MIN_SOUND_OF_MEDICINES if entry.kind == "medicine" else _MIN_SOUND
        if len(key) >= least and key not in self._sounds:
            self._sounds[key] = form
            if len(key) >= (MIN_LIKE if len(words) == 1 else _MIN_LIKE_SPLIT) and all(
                len(word) > 2 and not word.isdigit() for word in telling
            ):
                likes.append(key)

    def _by_words(self, tokens: Sequence[Token]) -> Iterator[Match]:
        """Yield matches of neighbouring words joined: spelled right, sounding the same, or sounding alike."""
        for first in range(len(tokens)):
            joined = ""
            for last in range(first, min(first + _MAX_WINDOW, len(tokens))):
                joined += tokens[last].text
                window = tokens[first : last + 1]
                hit = self._exact.get(joined)
                lone = self._inflected(joined) if first == last else None
                if hit and _may_join(window, joined) and not (hit.words == 1 and self._parted(window)):
                    yield hit.match(tokens, first, last, _EXACT)
                elif lone:
                    yield lone.match(tokens, first, last, _INFLECTED)
                elif window[-1].text not in FILLERS and (
                    _dosed(tokens, last) or not all(map(is_common if first == last else is_everyday, _texts(window)))
                ):
                    yield from self._by_sound(tokens, first, last)

    def _parted(self, window: Sequence[Token]) -> bool:
        """Tell whether words stand each for itself after a little one: "de pressão" is not "depressão"."""
        rest = [token.text for token in window[1:]]
        telling = any(len(word) > 1 for word in rest)
        return telling and window[0].text in FILLERS and all(is_common(word) or word in self._known for word in rest)

    def _inflected(self, word: str) -> Form | None:
        """Return the form that a word is the plural, the other gender or a diminutive of."""
        if is_common(word):
            return None
        return next((form for base in bases(word) if (form := self._lone.get(light_stem(base)))), None)

    def _by_anatomy(self, tokens: Sequence[Token]) -> Iterator[Match]:
        for found in self._anatomy.find(tokens):
            weight = found.letters * _COMPOUND * _COMPOUND
            yield Match(found.entry, found.first, found.last, _COMPOUND, weight, found.places)

    def _by_sound(self, tokens: Sequence[Token], first: int, last: int) -> Iterator[Match]:
        key = sound("".join(token.heard for token in tokens[first : last + 1]))
        if len(key) < (_MIN_SOUND if first == last else _MIN_SPLIT_SOUND):
            return
        hit = self._sounds.get(key)
        if hit and hit.words == 1 and self._parted(tokens[first : last + 1]):
            return
        if hit:
            yield hit.match(tokens, first, last, _SOUND)
            return
        near = self._likes.nearest(key) if first == last or len(key) >= _MIN_LIKE_SPLIT else ()
        for other, ratio in near:
            form = self._sounds[other]
            if ratio >= form.min_ratio and _sound_alike(key, other):
                yield form.match(tokens, first, last, _LIKE * ratio / 100)
                return
        consonants = skeleton(key)
        if first == last or len(consonants) >= _MIN_SKELETON_SPLIT:
            yield from self._by_consonants(tokens, first, last, key, consonants)

    def _by_consonants(
        self, tokens: Sequence[Token], first: int, last: int, key: str, consonants: str
    ) -> Iterator[Match]:
        """Yield the name of one word whose vowels alone were misheard: "dremin" for "dramin"."""
        for other in self._skeletons.get(consonants, ()):
            ratio = fuzz.ratio(key, other)
            if ratio >= _MIN_RATIO_OF_SKELETON and (key[0] == other[0] or len(consonants) >= _MIN_SKELETON_SPLIT):
                yield self._sounds[other].match(tokens, first, last, _LIKE * ratio / 100)
                return

    def _across_words(self, tokens: Sequence[Token]) -> Iterator[Match]:
        """Yield names that sound anywhere in what is said, wherever a recogniser put the blanks: "deua nemia"."""
        strange = [not is_everyday(token.text) and token.text not in self._known for token in tokens]
        if not any(strange):
            return
        keys = [sound(token.heard) for token in tokens]
        said = "".join(keys)
        owners = [place for place, key in enumerate(keys) for _ in key]
        for at in range(len(said) - MIN_ACROSS + 1):
            for key in said_at(self._across, said, at):
                places = owners[at : at + len(key)]
                first, last = places[0], places[-1]
                inside = at > 0 and owners[at - 1] == first
                # What begins and ends within words is chance, and so is what lies in familiar words.
                loose = first != last and inside and owners[at + len(key) : at + len(key) + 1] == [last]
                opposed = inside and tokens[first].text.startswith(_OPPOSED)
                strange_letters = sum(strange[place] for place in places)
                if 2 * strange_letters > len(key) and not (opposed or loose):
                    yield Match(self._sounds[key].entry, first, last, _ACROSS, len(key) * _ACROSS * _ACROSS)

    def _by_stems(self, tokens: Sequence[Token]) -> Iterator[Match]:
        """Yield matches of the telling words, inflected, in any order, with fillers between them."""
        telling = [index for index, token in enumerate(tokens) if token.text not in FILLERS]
        for position, first in enumerate(telling):
            for size in range(2, _MAX_BAG + 1):
                places = telling[position : position + size]
                if len(places) < size:
                    break
                stems = bag(stem(tokens[place].text) for place in places)
                hit, score = self._stems.get(stems), _INFLECTED
                if hit is None and not all(is_common(tokens[place].text) for place in places):
                    hit, score = self._stem_sounds.get(bag(stem_sound(tokens[place]) for place in places)), _SOUND
                if hit:
                    yield hit.match(tokens, first, places[-1], score)


def _dosed(tokens: Sequence[Token], last: int) -> bool:
    """Tell whether a dose follows: then even an everyday word is meant for a medicine ("alegra de 120")."""
    after = [token.text for token in tokens[last + 1 : last + 3]]
    return bool(after) and (after[0].isdigit() or (after[0] == "de" and after[-1].isdigit()))


def _texts(tokens: Sequence[Token]) -> Iterator[str]:
    return (token.text for token in tokens)


def _overlap(one: Match, other: Match) -> bool:
    return one.first <= other.last and other.first <= one.last


def _sound_alike(key: str, other: str) -> bool:
    """Tell whether two keys that are alike also begin and rest on the same consonants."""
    shorter = min(len(key), len(other))
    if key[0] != other[0] and shorter < _MIN_TOLERANT_START:
        return False
    ratio = fuzz.ratio(skeleton(key), skeleton(other))
    return ratio >= (MIN_RATIO if shorter >= _MIN_LIKE_SKELETON else 100)


def _may_join(window: Sequence[Token], joined: str) -> bool:
    """Tell whether words may make one name; a short name only from single letters ("A. A. S.")."""
    if len(window) == 1 or len(joined) >= _MIN_SPLIT_JOIN:
        return True
    return all(len(token.text) == 1 for token in window)
