"""What the words of an utterance tell by themselves: whether more is to come, who answers, who takes their leave."""

import re
from collections.abc import Sequence
from typing import Final

from actors.llm.phonetics import fold
from events.catalogue import ConversationEnd

ENOUGH_WORDS: Final = 8
"""Words from which an utterance is taken for a whole one, whatever it is about."""
MOST_WORDS_OF_A_FAREWELL: Final = 12
MOST_WORDS_OF_A_CALL: Final = 5

_WORD: Final = re.compile(r"[^\W_]+")
_HANGING: Final = re.compile(
    r"\b(?:e|ou|mas|que|pra|para|pro|pras|pros|por|com|sem|de|do|da|dos|das|no|na|nos|nas|em|num|numa|um|uma|uns|umas"
    r"|o|os|as|meu|minha|meus|minhas|seu|sua|esse|essa|aquele|aquela)\W*$"
)
"""Words after which a sentence goes on. With accents: "é" ends many."""
_CLOSING: Final = ".,;:?!…"
_FAREWELL: Final = re.compile(
    r"\b(?:tchau\w*|ate (?:logo|mais|amanha|a proxima|breve)|volte sempre|(?:vai|va|fica|fique) com deus"
    r"|bom (?:fim|final) de semana|bom descanso|te(?:nha|m) uma? (?:bo[ma]|otim[oa]) (?:dia|tarde|noite|semana))\b"
)
_CALL: Final = re.compile(
    r"\b(?:o |a )?proxim[oa]\b(?! (?:semana|mes|dia|vez|ano|dose|caixa|farmacia|loja|compra|consulta|receita|ciclo))"
)
_GREETING: Final = re.compile(r"^(?:(?:oi|ola|opa)\b|bom dia\b|boa (?:tarde|noite)\b|pois nao\b)")
_THANKS: Final = re.compile(r"\b(?:obrigad\w+|agradecid\w+|agradeco|valeu)\b")
_NO: Final = re.compile(r"^(?:nao|negativo|nunca|nenhum|nenhuma|nada)\b")


def word_count(text: str) -> int:
    """Count the words of a text."""
    return len(_WORD.findall(text))


def joined(texts: Sequence[str]) -> str:
    """Return what was said in several phrases as one text.

    Between two of them stands what the engine wrote there, or a comma: "não" and "dor de cabeça" in two breaths deny
    nothing. Nothing stands there where the first can't have ended, as "um remédio pra."
    """
    said = [text.strip() for text in texts if text.strip()]
    for at, text in enumerate(said[:-1]):
        if hangs(text):
            said[at] = text.rstrip(_CLOSING)
        elif text[-1] not in _CLOSING:
            said[at] = text + ","
    return " ".join(said)


def hangs(text: str) -> bool:
    """Tell whether a text ends with a word after which a sentence goes on."""
    return _HANGING.search(text.casefold()) is not None


def is_question(text: str) -> bool:
    """Tell whether a text ends as a question, as the engine wrote it."""
    return text.rstrip().endswith("?")


def is_no(text: str) -> bool:
    """Tell whether an answer begins with a no."""
    return _NO.match(_plain(text)) is not None


def greets(text: str) -> bool:
    """Tell whether a text begins with a greeting."""
    return _GREETING.match(_plain(text)) is not None


def thanks(text: str) -> bool:
    """Tell whether somebody thanks."""
    return _THANKS.search(_plain(text)) is not None


def leave_taken(text: str) -> ConversationEnd | None:
    """Tell whether a short text that asks for nothing takes leave of a customer, or calls the next one."""
    plain = _plain(text)
    words = plain.count(" ") + 1
    if words <= MOST_WORDS_OF_A_CALL and _CALL.search(plain) and not _FAREWELL.search(plain):
        return "next_customer"
    if words <= MOST_WORDS_OF_A_FAREWELL and _FAREWELL.search(plain):
        return "farewell"
    return None


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(fold(text)))
