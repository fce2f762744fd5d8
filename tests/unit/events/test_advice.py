"""Advice that was recorded before it told its reasons is read as advice without them."""

from typing import Any

import orjson
import pytest

from events.catalogue import BasketResolved, Event, Item, RecommendationSent, RecommendationWithheld
from events.codec import decode

ITEM = {"sugestao": "Gaze", "explicacao": "Cobre.", "tag": None}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (
            {"basket": "A/B", "rule": "macro_micro", "items": [ITEM]},
            BasketResolved(
                phrase=1, basket="A/B", rule="macro_micro", items=(Item(sugestao="Gaze", explicacao="Cobre."),)
            ),
        ),
        (
            {"recommendation_id": "r", "basket": "A/B", "items": [ITEM]},
            RecommendationSent(
                phrase=1,
                recommendation_id="r",
                basket="A/B",
                items=(Item(sugestao="Gaze", explicacao="Cobre."),),
            ),
        ),
        ({"reason": "no_basket"}, RecommendationWithheld(phrase=1, reason="no_basket")),
    ],
)
def test_older_advice_has_no_reasons(stored: dict[str, Any], read: Event) -> None:
    assert decode(type(read).__name__, 1, orjson.dumps({"phrase": 1, **stored})) == read
