"""The basket catalogue: a baskets file, read leniently where items are poor, strictly where it is broken."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from actors.basket import entries, medicines, rules
from actors.basket.entries import BasketFileError
from actors.basket.medicines import Formulary, Medicine
from actors.basket.safety import Safety
from actors.values import LexiconEntry
from events.catalogue import Item

NO_ADVICE = "OUTRO"
"""The macro category that never gives a recommendation."""

MACROS = (
    "DOR_FEBRE_INFLAMACAO",
    "RESPIRATORIO_GRIPE",
    "ALERGIAS",
    "GASTROINTESTINAL",
    "PELE_DERMATO",
    "FERIDAS_CURATIVOS",
    "OLHOS_OUVIDOS_NARIZ",
    "BOCA_GARGANTA_ODONTO",
    "SAUDE_INTIMA_URINARIO",
    "SAUDE_FEMININA_MENSTRUACAO",
    "PEDIATRIA",
    "CARDIO_PRESSAO",
    "ENDOCRINO_METABOLICO",
    "SUPLEMENTOS",
    "NEURO_PSIQUIATRIA_SONO",
    "HIGIENE_CUIDADOS_PESSOAIS_HPPC",
    NO_ADVICE,
)
"""The macro labels that clients and reports know."""

FALLBACKS_KEY = "fallback_macro_default"
BASKETS_KEY = "cestas_por_macro_micro"
OPTIONAL_KEYS = ("versao", "lookups", "vocabulario", medicines.KEY, rules.KEY)

Items = tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketCatalogue:
    """A baskets file in memory; immutable, shared by all sessions of a process."""

    version: str
    """The file's `versao`, or `sha256:` and the first 12 hex digits of its content."""
    fingerprint: str = ""
    """`sha256:` and the first 12 hex digits of the file's content."""
    baskets: Mapping[str, Mapping[str, Items]]
    """Items by macro label, then micro label, as the file spells them."""
    fallbacks: Mapping[str, Items]
    """Items for a macro whose micro is unknown or empty."""
    lookups: Mapping[str, Items] = field(default_factory=dict)
    """Items by `<medicine>_<symptom|default>_<disease|default>`, as the file spells the keys."""
    lexicon: tuple[LexiconEntry, ...] = ()
    """All that customers name: the medicines, then the vocabulary."""
    medicines: tuple[Medicine, ...] = ()
    formulary: Formulary = field(default_factory=Formulary)
    """Tells prescription-only products; no basket of the catalogue holds any."""
    safety: Safety = field(default_factory=Safety)
    warnings: tuple[str, ...] = ()
    """One line for each thing that was skipped, naming its place."""

    @property
    def taxonomy(self) -> Mapping[str, tuple[str, ...]]:
        """Micro labels by macro label, for every macro that has a basket or a fallback."""
        macros = dict.fromkeys((*self.baskets, *self.fallbacks))
        return {macro: tuple(self.baskets.get(macro, ())) for macro in macros}


def load_baskets(path: Path, *, lookups: Path | None = None, vocabulary: Path | None = None) -> BasketCatalogue:
    """Load and validate a baskets file.

    Args:
        path: a file in the kept format (`cestas_por_macro_micro`, `fallback_macro_default`), with or without
            our optional keys.
        lookups: a second file of lookups in the deployed format; its keys win over the file's own `lookups`.
        vocabulary: a baskets file whose `vocabulario`, `medicamentos` and `seguranca` serve where `path` has none of
            its own.

    Returns:
        The catalogue. Items and vocabulary entries that miss a key or carry an empty one, and items that name a
        prescription-only medicine, are left out, each with a line in `warnings`.

    Raises:
        BasketFileError: a file can't be read, is no JSON, or is built wrongly above the level of items.
    """
    raw, document, warnings = _read(path)
    names = _names(document, path)
    other, other_path, other_names = document, vocabulary or path, names
    if other_path != path:
        other = _read(other_path)[1]
        other_names = _names(other, other_path)
    lists_medicines = bool(document.get(medicines.KEY))
    formulary = _formulary(names, document, path) if lists_medicines else _formulary(other_names, other, other_path)
    fingerprint = f"sha256:{sha256(raw).hexdigest()[:12]}"
    catalogue = _parse(document, path, warnings, names, formulary, fingerprint=fingerprint)
    if lookups is not None:
        _, second, second_warnings = _read(lookups)
        listed = entries.lookups(second, lookups, "", second_warnings, refuse=formulary.refusal)
        catalogue = replace(
            catalogue,
            lookups=MappingProxyType({**catalogue.lookups, **listed}),
            warnings=(*catalogue.warnings, *second_warnings),
        )
    if vocabulary is not None and not (catalogue.lexicon and rules.KEY in document):
        others = _parse(other, other_path, [], other_names, formulary, fingerprint="")
        if not catalogue.lexicon:
            catalogue = replace(catalogue, lexicon=others.lexicon, medicines=others.medicines)
        if rules.KEY not in document:
            catalogue = replace(catalogue, safety=others.safety)
    return catalogue


@dataclass(frozen=True, slots=True)
class _Names:
    """What a file names."""

    medicines: tuple[Medicine, ...]
    vocabulary: tuple[LexiconEntry, ...]
    warnings: list[str]


def _names(document: Mapping[str, Any], path: Path) -> _Names:
    warnings: list[str] = []
    return _Names(
        medicines.medicines(document.get(medicines.KEY, []), path, warnings),
        entries.lexicon(document.get("vocabulario", []), path, warnings),
        warnings,
    )


def _formulary(names: _Names, document: Mapping[str, Any], path: Path) -> Formulary:
    """Return what tells prescription-only products."""
    return Formulary(
        medicines=names.medicines,
        products=tuple(name for e in names.vocabulary if e.kind == "need" for name in (e.name, *e.forms)),
        accessories=rules.accessories(document.get(rules.KEY, {}), path),
    )


def _parse(
    document: Mapping[str, Any],
    path: Path,
    warnings: list[str],
    names: _Names,
    formulary: Formulary,
    *,
    fingerprint: str,
) -> BasketCatalogue:
    if BASKETS_KEY not in document and FALLBACKS_KEY not in document:
        raise BasketFileError(f"{path.name}: neither {BASKETS_KEY} nor {FALLBACKS_KEY} is in the file")
    warnings.extend(
        f"{path.name}: {key} is missing; served without it"
        for key in (BASKETS_KEY, FALLBACKS_KEY)
        if key not in document
    )
    known = {BASKETS_KEY, FALLBACKS_KEY, *OPTIONAL_KEYS}
    warnings.extend(f"{path.name}: {key}: unknown key, ignored" for key in document if key not in known)

    def items(listed: object, place: str) -> Items:
        return entries.items(listed, path, place, warnings, refuse=formulary.refusal)

    baskets: dict[str, Mapping[str, Items]] = {}
    for macro, micros in entries.table(document.get(BASKETS_KEY, {}), path, BASKETS_KEY).items():
        place = f"{BASKETS_KEY}.{macro}"
        baskets[macro] = MappingProxyType(
            {micro: items(listed, f"{place}.{micro}") for micro, listed in entries.table(micros, path, place).items()}
        )
    fallbacks = {
        macro: items(listed, f"{FALLBACKS_KEY}.{macro}")
        for macro, listed in entries.table(document.get(FALLBACKS_KEY, {}), path, FALLBACKS_KEY).items()
    }
    unknown = [macro for macro in dict.fromkeys((*baskets, *fallbacks)) if macro not in MACROS]
    warnings.extend(f"{path.name}: {macro}: unknown macro category, kept" for macro in unknown)
    warnings.extend(names.warnings)
    lookups = entries.lookups(document.get("lookups", {}), path, "lookups", warnings, refuse=formulary.refusal)
    places = frozenset(f"{macro}/{micro}" for macro, micros in baskets.items() for micro in micros)
    return BasketCatalogue(
        version=_version(document, path) or fingerprint,
        fingerprint=fingerprint,
        baskets=MappingProxyType(baskets),
        fallbacks=MappingProxyType(fallbacks),
        lookups=MappingProxyType(lookups),
        lexicon=(*(medicine.entry for medicine in names.medicines), *names.vocabulary),
        medicines=names.medicines,
        formulary=formulary,
        safety=rules.safety(document.get(rules.KEY, {}), path, places),
        warnings=tuple(warnings),
    )


def _version(document: Mapping[str, Any], path: Path) -> str:
    version = document.get("versao", "")
    if not isinstance(version, (str, int, float)) or isinstance(version, bool):
        raise BasketFileError(f"{path.name}: versao: a text was expected, not {entries.type_name(version)}")
    return str(version).strip()


def _read(path: Path) -> tuple[bytes, Mapping[str, Any], list[str]]:
    warnings: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                warnings.append(f"{path.name}: key {key} occurs twice in one object; the last one serves")
            found[key] = value
        return found

    try:
        raw = path.read_bytes()
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=unique)
    except OSError as error:
        raise BasketFileError(f"{path}: can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BasketFileError(f"{path.name}: byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BasketFileError(f"{path.name}: not valid JSON at {where}: {error.msg}") from error
    except RecursionError as error:
        raise BasketFileError(f"{path.name}: nested too deeply") from error
    return raw, entries.table(document, path, ""), warnings
