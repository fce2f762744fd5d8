"""Picks from the corpus ways to say what the vocabulary knows by another: `python -m benchmarks.advice.forms`."""

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from actors.llm.corpus_reader import Sentence, corpus
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.words import FILLERS, Token, is_common, is_everyday, tokenise
from benchmarks.advice.training import known_names, sources

_MOST_WORDS = 6
_MOST_TELLING = 4
"""Words that tell something, as many as the index looks for in any order."""
_FEWEST_LETTERS = 5
_COMPLAINTS = ("symptom", "disease")
_REQUESTS = ("request", "price_or_dosage")
_HEAD = "# Jeitos de dizer que o corpus ensina: entrada do vocabulário, dois pontos, jeito.\n"

_TOO_GENERAL = frozenset(
    """
    agitada|apagar|atraso|arranhando|somem|opada|cardiaca|chato|careca|creminho|tripas|espremido|espremendo|provocando
    desincha|alergico mesmo|poeira mesmo|encravado|continua irritado|irritadinho|inseto|travei|cara pesa|sem fumar
    tenis pe|pilhada|desembaracar|forca e nada|nariz nao|calo mesmo|joelho do meu pai|sangue e ralo|pomada pra prevenir
    tomei amoxicilina e hoje amanheci|tirar mancha|nervosa todo santo|coca sem parar|lentes|segurar o xixi|canes|calmy
    gotinha propria|reduzir o peso|ressecou tudo|leite me estufa inteira|disparo e de nervoso|reforco pro corpo|assoar
    negocio na boca que pega beijando|stent|fitinhas|levantar a imunidade|creme grosso|meia ate a coxa|atopica|lencinho
    """.replace("\n", "|")
    .replace("    ", "")
    .split("|")
)
"""Looked at and left out: said of much else outside a pharmacy, or cut too short."""

Phrase = tuple[str, ...]


def learnt_forms(engine: LexiconUnderstanding, sentences: Sequence[Sentence]) -> dict[str, tuple[str, ...]]:
    """Return new forms of the vocabulary's entries, by their names.

    A form is what proves an entity in a sentence; it must tell something, stand for one entry alone, be unknown to the
    vocabulary, and be said in no sentence that does not name that entry.

    Args:
        engine: the vocabulary alone.
        sentences: of the corpus.
    """
    meant: defaultdict[Phrase, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        for each in sentence.named if sentence.kind in _REQUESTS else ():
            entry = next(filter(None, (engine.entry(name) for name in each.names)), None)
            phrase = _bare(tokenise(each.said or ""))
            if (
                entry is not None
                and _tells(phrase)
                and not (entry.kind in _COMPLAINTS and _names_a_medicine(engine, phrase))
            ):
                meant[phrase][entry.name] += 1
    others = _said_of_others(engine, sentences, {phrase: names.most_common(1)[0][0] for phrase, names in meant.items()})
    found: defaultdict[str, list[str]] = defaultdict(list)
    for phrase, names in sorted(meant.items()):
        form = " ".join(phrase)
        if len(names) == 1 and phrase not in others and form not in _TOO_GENERAL and engine.entry(form) is None:
            found[next(iter(names))].append(form)
    return {name: tuple(forms) for name, forms in sorted(found.items())}


def _names_a_medicine(engine: LexiconUnderstanding, phrase: Phrase) -> bool:
    """Tell whether a complaint is told by what was taken for it, which is said of much else."""
    return any((entry := engine.entry(word)) is not None and entry.kind == "medicine" for word in phrase)


def _bare(tokens: Sequence[Token]) -> Phrase:
    words = [token.text for token in tokens]
    while words and words[0] in FILLERS:
        words.pop(0)
    while words and words[-1] in FILLERS:
        words.pop()
    return tuple(words)


def _tells(phrase: Phrase) -> bool:
    telling = [word for word in phrase if word not in FILLERS]
    if not telling or len(phrase) > _MOST_WORDS or len(telling) > _MOST_TELLING:
        return False
    if len("".join(phrase)) < _FEWEST_LETTERS or (len(phrase) == 1 and is_everyday(phrase[0])):
        return False
    return not all(map(is_common, telling))


def _said_of_others(
    engine: LexiconUnderstanding, sentences: Sequence[Sentence], meant: Mapping[Phrase, str]
) -> frozenset[Phrase]:
    """Return the phrases that are said in a sentence which does not name what they mean."""
    found: set[Phrase] = set()
    for sentence in sentences:
        words = tuple(token.text for token in tokenise(sentence.text))
        said = {words[first : first + size] for first in range(len(words)) for size in range(1, _MOST_WORDS + 1)}
        told = said & meant.keys()
        if told:
            named = frozenset(known_names(engine, sentence))
            found.update(phrase for phrase in told if meant[phrase] not in named)
    return frozenset(found)


def main() -> int:
    """Write them to `actors/llm/word_lists/learnt_forms.txt`."""
    engine, _ = sources()
    forms = learnt_forms(engine, corpus())
    lines = [f"{name}: {form}\n" for name, each in forms.items() for form in each]
    (Path(str(files("actors.llm"))) / "word_lists" / "learnt_forms.txt").write_text(_HEAD + "".join(lines), "utf-8")
    print(f"{len(lines)} forms of {len(forms)} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
