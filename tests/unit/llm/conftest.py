import pytest

from actors.basket.catalogue import BasketCatalogue, load_baskets
from actors.llm.lexicon import LexiconUnderstanding
from balto.settings import Settings


@pytest.fixture(scope="session")
def baskets() -> BasketCatalogue:
    return load_baskets(Settings().baskets)


@pytest.fixture(scope="session")
def engine(baskets: BasketCatalogue) -> LexiconUnderstanding:
    return LexiconUnderstanding(baskets.lexicon, baskets.version)
