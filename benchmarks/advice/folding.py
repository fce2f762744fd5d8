"""Folds labelled sentences that others wrote into the corpus: `python -m benchmarks.advice.folding FILE…`."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from actors.basket.catalogue import load_baskets
from actors.basket.naming import words
from actors.llm.by_example import KINDS
from actors.llm.corpus_reader import corpus
from actors.llm.lexicon import LexiconUnderstanding
from balto.settings import OWN_BASKETS
from benchmarks.advice.labelled import OWN, read_set

Row = dict[str, Any]


class LabelError(Exception):
    """A sentence's labels contradict it. The message says how."""


class Folding:
    """Mends the labels of new sentences, and refuses what is known already or makes no sense.

    Args:
        engine: the vocabulary alone.
        macros: that the taxonomy has.
        known: sentences that are not taken again.
    """

    def __init__(self, engine: LexiconUnderstanding, macros: Iterable[str], known: Iterable[str]) -> None:
        self._engine = engine
        self._macros = frozenset(macros)
        self._known = {words(text) for text in known}
        self.counts: Counter[str] = Counter()
        """What became of the rows."""
        self.unnamed: Counter[str] = Counter()
        """Names that the vocabulary has no entry for."""

    def mended(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
        """Yield the rows that are new, with the vocabulary's names first; the others are counted by why not."""
        for row in rows:
            text = str(row.get("text", "")).strip()
            said = words(text)
            if not said or said in self._known:
                self.counts["known already" if said else "empty"] += 1
                continue
            self._known.add(said)
            try:
                yield self._row(text, row)
            except LabelError as error:
                self.counts[str(error)] += 1
            else:
                self.counts["taken"] += 1

    def _row(self, text: str, row: Mapping[str, Any]) -> Row:
        kind, macros = row.get("kind"), list(row.get("macros") or ())
        if kind not in KINDS:
            raise LabelError("kind unknown")
        if not self._macros.issuperset(macros):
            raise LabelError("macro category unknown")
        if kind == "request" and not macros:
            raise LabelError("request without a macro category")
        named = [self._named(text, each) for each in row.get("entities") or ()]
        if kind != "request":
            return {"text": text, "kind": kind} | ({"entities": named} if named else {})
        return {"text": text, "kind": kind, "macros": macros, "micro": row.get("micro"), "entities": named}

    def _named(self, text: str, entity: Mapping[str, Any]) -> Row:
        said = entity.get("said")
        if not said or said not in text:
            raise LabelError("words that prove an entity are not in the text")
        names = list(dict.fromkeys(str(name).lower() for name in (entity["name"], *entity.get("also", ()))))
        entry = next(filter(None, map(self._engine.entry, names)), None) or self._engine.entry(said)
        if entry is None:
            self.unnamed[names[0]] += 1
            return {"type": entity.get("type"), "name": names[0], "also": names[1:], "said": said}
        also = [name for name in names if name != entry.name]
        return {"type": entry.kind, "name": entry.name, "also": also, "said": said}


def main() -> int:
    """Append what is new to `actors/llm/corpus/`, each sentence to its category's file or its kind's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advice.folding", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="JSON lines as the corpus has them")
    options = parser.parse_args()
    catalogue = load_baskets(OWN_BASKETS)
    engine = LexiconUnderstanding(catalogue.lexicon, catalogue.version)
    macros = {entry.category.macro for entry in catalogue.lexicon}
    known = [sentence.text for sentence in corpus()] + [said.text for said in read_set(OWN)]
    folding = Folding(engine, macros, known)
    lines = (line for path in options.files for line in path.read_text("utf-8").splitlines() if line.strip())
    folder = Path(str(files("actors.llm"))) / "corpus"
    for row in folding.mended(map(json.loads, lines)):
        name = row["macros"][0].lower() if row["kind"] == "request" else row["kind"]
        with (folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(dict(folding.counts), "unnamed:", folding.unnamed.most_common(40))
    return 0


if __name__ == "__main__":
    sys.exit(main())
