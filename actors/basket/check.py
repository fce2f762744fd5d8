"""The check of a baskets file: everything that is wrong with it, each with its place."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from actors.basket import entries
from actors.basket.catalogue import BASKETS_KEY, FALLBACKS_KEY, MACROS, NO_ADVICE, BasketCatalogue, load_baskets
from actors.basket.entries import BasketFileError
from actors.basket.naming import key, words
from actors.basket.places import Place, dotted, places, pointer
from actors.basket.schema import BasketFile

Kind = Literal["own", "deployed", "lookups"]
"""A file in Balto's own form, one of its predecessor, or the predecessor's second file."""
Severity = Literal["error", "warning"]
_LAST_PART = re.compile(r"(?:\.[^.\[]+|\[\d+\])$")
_OWN_KEYS = ("versao", "medicamentos", "vocabulario", "seguranca")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    severity: Severity
    message: str
    pointer: str = ""
    """JSON Pointer (RFC 6901) of the value."""
    line: int | None = None
    """From 1, as the column; None where the file can't be read at all."""
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the check of a file found."""

    kind: Kind
    version: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is an error."""
        return all(finding.severity != "error" for finding in self.findings)


def check(path: Path, house: Path) -> Checked:
    """Check a baskets file.

    What is merely poor is an error in a file of Balto's own form and a warning in a deployed one, which is served
    without the poor parts.

    Args:
        path: the file.
        house: the file that comes with Balto; its medicines tell what takes a prescription where `path` has none.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        document = json.loads(text)
        known = places(text)
    except OSError as error:
        return _broken(f"can't be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        return _broken(f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        return _broken(f"not valid JSON: {error.msg}", Place(error.lineno, error.colno))
    except RecursionError:
        return _broken("nested too deeply")
    if not isinstance(document, dict):
        return _broken("an object was expected", Place(1, 1))
    return _Check(path, house, document, known).run()


def _broken(message: str, place: Place | None = None) -> Checked:
    line, column = (place.line, place.column) if place else (None, None)
    return Checked(kind="own", findings=(Finding(severity="error", message=message, line=line, column=column),))


class _Check:
    def __init__(self, path: Path, house: Path, document: dict[str, Any], known: dict[str, Place]) -> None:
        self._path = path
        self._house = house
        self._document = document
        self._known = known
        self._by_dotted = {dotted(each): each for each in known}
        self.kind: Kind = "deployed"
        if any(name in document for name in _OWN_KEYS):
            self.kind = "own"
        elif not {BASKETS_KEY, FALLBACKS_KEY} & set(document):
            self.kind = "lookups"

    def run(self) -> Checked:
        try:
            catalogue = self._load()
        except BasketFileError as error:
            place, message = self._apart(str(error))
            return Checked(kind=self.kind, findings=(self._finding("error", place, message),))
        own = self.kind == "own"
        formal = list(self._form()) if own else []
        wrong = {finding.pointer for finding in formal}
        poor: Severity = "error" if own else "warning"
        told = [self._finding(poor, *self._apart(warning)) for warning in catalogue.warnings]
        findings = [
            *formal,
            *(each for each in told if not any(one.startswith(each.pointer or "?") for one in wrong)),
            *self._twice(poor),
            *(self._orphans(catalogue) if own else ()),
            *self._branded(catalogue),
        ]
        counts = {
            "baskets": sum(map(len, catalogue.baskets.values())),
            "items": sum(
                map(len, chain(catalogue.fallbacks.values(), *(m.values() for m in catalogue.baskets.values())))
            ),
            "lookups": len(catalogue.lookups),
            "medicines": len(catalogue.medicines) if own else 0,
            "vocabulary": len(catalogue.lexicon) - len(catalogue.medicines) if own else 0,
        }
        findings.sort(key=lambda each: (each.line or 0, each.column or 0))
        return Checked(kind=self.kind, version=catalogue.version, counts=counts, findings=tuple(findings))

    def _load(self) -> BasketCatalogue:
        if self.kind != "lookups":
            return load_baskets(self._path, vocabulary=self._house)
        house = load_baskets(self._house)
        warnings: list[str] = []
        found = entries.lookups(self._document, self._path, "", warnings, refuse=house.formulary.refusal)
        return BasketCatalogue(
            version="", baskets={}, fallbacks={}, lookups=found, formulary=house.formulary, warnings=tuple(warnings)
        )

    def _form(self) -> Iterator[Finding]:
        try:
            BasketFile.model_validate(self._document)
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                lacks = f"{each['loc'][-1]} is missing" if each["type"] == "missing" else each["msg"]
                yield self._finding("error", pointer(*each["loc"]), lacks)

    def _twice(self, severity: Severity) -> Iterator[Finding]:
        """Yield items that stand twice in one basket, and names that mean two things."""
        for place, listed in self._lists():
            seen: set[tuple[str, ...]] = set()
            for number, item in enumerate(listed):
                raw = item.get("sugestao") if isinstance(item, dict) else None
                name = words(raw) if isinstance(raw, str) else ()
                if name and name in seen:
                    yield self._finding(severity, f"{place}/{number}", f"{raw} stands in this basket twice")
                seen.add(name)
        meant: dict[str, str] = {}
        for place, form, owner in self._said():
            plain = key(form).replace("_", "")
            if plain in meant:
                yield self._finding(severity, place, f"{form} can be said of {meant[plain]} already")
            meant.setdefault(plain, owner)

    def _lists(self) -> Iterator[tuple[str, list[Any]]]:
        for macro, listed in self._table(FALLBACKS_KEY):
            if isinstance(listed, list):
                yield pointer(FALLBACKS_KEY, macro), listed
        for macro, micros in self._table(BASKETS_KEY):
            for micro, listed in micros.items() if isinstance(micros, dict) else ():
                if isinstance(listed, list):
                    yield pointer(BASKETS_KEY, macro, micro), listed

    def _table(self, name: str) -> list[tuple[str, Any]]:
        found = self._document.get(name)
        return list(found.items()) if isinstance(found, dict) else []

    def _entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for part in ("medicamentos", "vocabulario"):
            listed = self._document.get(part)
            for number, entry in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(entry, dict) and isinstance(entry.get("nome"), str):
                    yield pointer(part, number), entry

    def _said(self) -> Iterator[tuple[str, str, str]]:
        for place, entry in self._entries():
            yield f"{place}/nome", entry["nome"], entry["nome"]
            for part in ("marcas", "formas"):
                listed = entry.get(part)
                for number, form in enumerate(listed if isinstance(listed, list) else ()):
                    if isinstance(form, str):
                        yield f"{place}/{part}/{number}", form, entry["nome"]

    def _orphans(self, catalogue: BasketCatalogue) -> Iterator[Finding]:
        """Yield entries whose basket is missing, baskets that nobody can ask for, and macros without a fallback."""
        asked: set[tuple[object, object]] = set()
        for place, entry in self._entries():
            macro, micro = entry.get("macro"), entry.get("micro")
            asked.add((macro, micro))
            if isinstance(macro, str) and micro not in catalogue.baskets.get(macro, {}):
                yield self._finding("error", place, f"{entry['nome']} points at {macro}/{micro}, which has no basket")
        for macro, micros in catalogue.baskets.items():
            if macro not in catalogue.fallbacks:
                yield self._finding("error", pointer(BASKETS_KEY, macro), f"{macro} has no {FALLBACKS_KEY}")
            for micro in micros:
                if (macro, micro) not in asked:
                    yield self._finding(
                        "warning", pointer(BASKETS_KEY, macro, micro), f"no entry leads to {macro}/{micro}"
                    )
        missing = [m for m in MACROS if m != NO_ADVICE and m not in catalogue.baskets]
        for macro in missing:
            yield self._finding("warning", pointer(BASKETS_KEY), f"{macro} has no basket")

    def _branded(self, catalogue: BasketCatalogue) -> Iterator[Finding]:
        for place, listed in self._lists():
            for number, item in enumerate(listed):
                raw = item.get("sugestao") if isinstance(item, dict) else None
                brand = catalogue.formulary.brand(raw) if isinstance(raw, str) else None
                if brand:
                    yield self._finding("warning", f"{place}/{number}", f"{raw} names the brand {brand}")

    def _apart(self, line: str) -> tuple[str, str]:
        """Part a line of the loader into the pointer of its place and what it says."""
        rest = line.removeprefix(f"{self._path.name}: ")
        cuts = (rest[: match.start()] for match in re.finditer(r": | |$", rest))
        longest = max((each for each in cuts if each in self._by_dotted), key=len, default="")
        if longest:
            return self._by_dotted[longest], rest.removeprefix(longest).removeprefix(": ")
        # What is missing has no place of its own: what it is missing from has.
        above = re.split(r": | ", rest, maxsplit=1)[0]
        while above and above not in self._by_dotted:
            above = _LAST_PART.sub("", above) if _LAST_PART.search(above) else ""
        return self._by_dotted.get(above, ""), rest

    def _finding(self, severity: Severity, where: str, message: str) -> Finding:
        near = where
        while near and near not in self._known:
            near = near.rpartition("/")[0]
        place = self._known.get(near, Place(1, 1))
        return Finding(severity=severity, message=message, pointer=near, line=place.line, column=place.column)
