"""The rules of a conversation, as the settings and the baskets file give them."""

from dataclasses import replace
from functools import cache
from typing import Final

from actors.basket.catalogue import BasketCatalogue
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.words import COMMON, tokenise
from actors.session.conversation import Rules
from actors.values import SAMPLE_RATE
from balto.engines import plain_lexicon
from balto.settings import Settings

_SHORT_REQUEST: Final = 3
"""Words of a request that is little more than a name: "tem Zyrtec?"."""


def conversation_rules(settings: Settings, baskets: BasketCatalogue) -> Rules:
    """Return the rules: what says enough is what the lexicon or a safety rule knows, or what seems to be a name.

    The lexicon is compiled when it is first asked, unless somebody else has had it compiled.
    """
    safety = baskets.safety

    @cache
    def lexicon() -> LexiconUnderstanding:
        return plain_lexicon(baskets.lexicon, baskets.version)

    def names_something(text: str) -> bool:
        # Of a price alone nothing is said: what is asked about may follow in the next breath.
        told = any(found.name not in safety.silence_names for found in safety.look(text))
        return bool(names_unknown(text) or told or lexicon().entities(text))

    def circumstances(text: str) -> tuple[str, ...]:
        return tuple(found.name for found in safety.look(text) if found.name in safety.circumstance_names)

    return with_times(Rules(names_something=names_something, circumstances=circumstances), settings)


def with_times(rules: Rules, settings: Settings) -> Rules:
    """Return the rules with how long things count by the settings."""
    return replace(
        rules,
        gather_samples=settings.gather_ms * SAMPLE_RATE // 1000,
        cooldown_samples=int(settings.cooldown_s * SAMPLE_RATE),
        silence_samples=int(settings.conversation_silence_s * SAMPLE_RATE),
    )


def names_unknown(text: str) -> bool:
    """Tell whether a text seems to name something that no list knows, for which a model need not be kept waiting.

    That is a word that is no everyday one, and that speech-to-text wrote as a name within a sentence, or with which a
    request of few words ends.
    """
    tokens = tokenise(text)
    strange = [token for token in tokens if token.text not in COMMON and not token.text.isdigit()]
    if not strange:
        return False
    within = {token.start for token in tokens[1:] if not token.after_break}
    written_as_name = any(token.start in within and text[token.start].isupper() for token in strange)
    return written_as_name or (len(tokens) <= _SHORT_REQUEST and strange[-1] is tokens[-1])
