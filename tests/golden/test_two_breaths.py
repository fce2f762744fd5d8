"""Spoken through the whole pipeline: a request in two breaths is one, and a pregnancy said before counts."""

from pathlib import Path

import pytest

from actors.basket.catalogue import load_baskets
from actors.stt.weights import ensure_weights
from actors.stt.whisper import WhisperTranscriber
from balto.app import Balto, open_balto
from balto.engines import Engines, build_understandings
from balto.listening import Collector, listen
from balto.settings import Settings
from events.catalogue import (
    CircumstancesNoted,
    Event,
    NormalisationRequested,
    PhraseCaptured,
    PhraseGathered,
    RecommendationSent,
    RecommendationWithheld,
)
from tests.golden.test_counter import WEIGHTS
from tests.recordings import conversation

pytestmark = pytest.mark.whisper

BREATH_S = 0.1
"""Between recordings that have half a second of room around their words themselves."""


async def heard(balto: Balto, *names: str, pause_s: float = BREATH_S) -> list[Event]:
    collector = Collector()
    await listen(balto.sessions, conversation(*names, pause_s=pause_s).tobytes(), collector=collector)
    return collector.events


def kinds(events: list[Event], *wanted: type[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, wanted)]


async def test_what_is_said_in_breaths_and_before_counts(postgres_url: str, tmp_path: Path) -> None:

    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=postgres_url, stt_budget_s=60)
    engines = Engines(
        transcribers=(WhisperTranscriber(ensure_weights(WEIGHTS)),),
        understandings=build_understandings(settings, load_baskets(settings.baskets)),
    )
    async with open_balto(settings, engines=engines) as balto:
        together = await heard(balto, "queria_um_remedio", "pra_dor_de_cabeca")
        apart = await heard(balto, "queria_um_remedio", "pra_dor_de_cabeca", pause_s=2.0)
        alone = await heard(balto, "dor_de_cabeca")
        pregnant = await heard(balto, "gravida", "dor_de_cabeca")

    for events, gathered in ((together, [PhraseGathered(phrase=1, into=2)]), (apart, [])):
        assert len(kinds(events, PhraseCaptured)) == 2
        assert kinds(events, PhraseGathered) == gathered
        assert len(kinds(events, NormalisationRequested)) == 2 - len(gathered)
        (sent,) = kinds(events, RecommendationSent)
        assert isinstance(sent, RecommendationSent)
        assert (sent.phrase, sent.basket.split("/")[0]) == (2, "DOR_FEBRE_INFLAMACAO")

    assert kinds(pregnant, CircumstancesNoted) == [
        CircumstancesNoted(phrase=1, circumstances=("gestante",), asked=False)
    ]
    answers = [kinds(events, RecommendationSent, RecommendationWithheld)[-1] for events in (alone, pregnant)]
    assert isinstance(answers[0], RecommendationSent)
    assert answers[1] == RecommendationWithheld(phrase=2, reason="refer_to_pharmacist", safety_rule="gestante")
