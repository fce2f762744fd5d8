"""The shelf: a changed baskets file serves from the next step on, a broken one never does."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from actors.llm.lexicon import LexiconUnderstanding
from actors.runtime.clock import SystemClock
from actors.values import Classified, Resolved
from balto.settings import Settings
from balto.shelf import Restocker, Shelf, compiled, read_catalogue
from events.catalogue import CatalogueLoaded, CatalogueRejected, Category, Event
from events.store import Append, Appended, StoreUnavailableError

FILE: dict[str, Any] = {
    "versao": "1",
    "fallback_macro_default": {},
    "cestas_por_macro_micro": {"ALERGIAS": {"RINITE": [{"sugestao": "Lavador nasal", "explicacao": "Lava."}]}},
    "vocabulario": [{"nome": "espirro", "tipo": "sintoma", "macro": "ALERGIAS", "micro": "RINITE"}],
}
RHINITIS = Classified(categories=(Category(macro="ALERGIAS", micro="RINITE"),), anchors=(), confidence=1.0)


class Journal:
    """Keeps what it is given, or is away."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False

    async def append(self, append: Append) -> Appended:
        if self.away:
            raise StoreUnavailableError("away")
        self.events += [new.event for new in append.events]
        return Appended(stream_position=len(self.events), position=len(self.events))


class Stocked:
    """A shelf over a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "cestas.json"
        self.write(FILE)
        self.settings = Settings(_env_file=None, baskets=self.path, baskets_poll_s=0)
        catalogue = read_catalogue(self.settings)
        lexicon = LexiconUnderstanding(catalogue.lexicon, catalogue.version)
        self.shelf = Shelf(compiled(self.settings, catalogue, (lexicon,)))
        self.journal = Journal()
        clock = SystemClock()

        async def compile_(baskets: Any) -> tuple[LexiconUnderstanding, ...]:
            return (LexiconUnderstanding(baskets.lexicon, baskets.version),)

        self.restocker = Restocker(
            self.shelf, self.settings, self.journal, clock, uuid4(), compile_understandings=compile_
        )

    def write(self, document: Any) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.path)

    async def looked(self) -> bool:
        """Look twice: a change is taken up when it has settled."""
        return await self.restocker.look() or await self.restocker.look()

    @property
    def suggested(self) -> list[str]:
        answer = self.shelf.resolve(RHINITIS, ())
        assert isinstance(answer, Resolved)
        return [item.sugestao for item in answer.items]


@pytest.fixture
def stocked(tmp_path: Path) -> Stocked:
    return Stocked(tmp_path)


def changed(name: str, version: str = "2") -> dict[str, Any]:
    document = json.loads(json.dumps(FILE).replace("Lavador nasal", name).replace("espirro", "coriza"))
    return {**document, "versao": version}


async def test_a_changed_file_serves_once_it_has_settled_and_is_on_record(stocked: Stocked) -> None:
    assert not await stocked.looked()
    understandings, rules = stocked.shelf.understandings, stocked.shelf.rules
    assert [rules.names_something(f"é que estou com {what}") for what in ("espirro", "coriza")] == [True, False]
    stocked.write(changed("Soro nasal"))
    assert not await stocked.restocker.look()
    assert stocked.suggested == ["Lavador nasal"]
    assert await stocked.restocker.look()
    assert stocked.suggested == ["Soro nasal"]
    (event,) = stocked.journal.events
    assert isinstance(event, CatalogueLoaded)
    assert (event.version, event.baskets, event.items, event.vocabulary) == ("2", 1, 1, 1)
    assert event.fingerprint == stocked.shelf.catalogue.fingerprint
    heard = await understandings[0].normalise("tô com coriza", budget_s=1)
    assert [entity.name for entity in heard.entities] == ["coriza"]
    assert [rules.names_something(f"é que estou com {what}") for what in ("espirro", "coriza")] == [False, True]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"versao": 2,\n "x": }', "line 2, column 7"),
        ('{"cestas_por_macro_micro": {"ALERGIAS": []}}', "cestas_por_macro_micro.ALERGIAS"),
        ("{}", "neither"),
        ("", "line 1, column 1"),
    ],
)
async def test_a_broken_file_never_serves_and_is_told_with_its_place(
    stocked: Stocked, caplog: pytest.LogCaptureFixture, text: str, place: str
) -> None:
    stocked.write(text)
    assert not await stocked.looked()
    assert stocked.suggested == ["Lavador nasal"]
    (event,) = stocked.journal.events
    assert isinstance(event, CatalogueRejected)
    assert place in event.reason
    assert event.kept_version == "1"
    assert place in caplog.text
    assert not await stocked.looked()
    assert len(stocked.journal.events) == 1
    stocked.write(changed("Soro nasal"))
    assert await stocked.looked()
    assert stocked.suggested == ["Soro nasal"]


async def test_a_file_that_is_gone_goes_on_serving(stocked: Stocked) -> None:
    stocked.path.unlink()
    assert not await stocked.looked()
    assert stocked.suggested == ["Lavador nasal"]
    assert isinstance(stocked.journal.events[0], CatalogueRejected)


async def test_what_is_not_on_record_does_not_serve_yet(stocked: Stocked) -> None:
    stocked.write(changed("Soro nasal"))
    stocked.journal.away = True
    with pytest.raises(StoreUnavailableError):
        await stocked.looked()
    assert stocked.suggested == ["Lavador nasal"]
    stocked.journal.away = False
    assert await stocked.restocker.look()
    assert stocked.suggested == ["Soro nasal"]


async def test_the_same_content_written_again_is_no_change(stocked: Stocked) -> None:
    stocked.write(FILE)
    assert not await stocked.looked()
    assert stocked.journal.events == []
