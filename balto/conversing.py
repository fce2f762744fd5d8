"""The rules of a conversation, as the settings and the baskets file give them."""

from actors.basket.catalogue import BasketCatalogue
from actors.llm.lexicon import LexiconUnderstanding
from actors.session.conversation import Rules
from actors.values import SAMPLE_RATE
from balto.settings import Settings


def conversation_rules(settings: Settings, baskets: BasketCatalogue) -> Rules:
    """Return the rules: what says enough is what the lexicon or a safety rule knows."""
    lexicon, safety = LexiconUnderstanding(baskets.lexicon, baskets.version), baskets.safety

    def names_something(text: str) -> bool:
        return bool(safety.look(text) or lexicon.entities(text))

    def circumstances(text: str) -> tuple[str, ...]:
        return tuple(found.name for found in safety.look(text) if found.name not in safety.alarm_names)

    return Rules(
        names_something=names_something,
        circumstances=circumstances,
        gather_samples=settings.gather_ms * SAMPLE_RATE // 1000,
        cooldown_samples=int(settings.cooldown_s * SAMPLE_RATE),
        silence_samples=int(settings.conversation_silence_s * SAMPLE_RATE),
    )
