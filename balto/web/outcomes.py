"""What came of a phrase that was not advised on, in words for the attendant."""

from typing import Final, Literal

from balto.web.said import Desfecho
from events.catalogue import Event, PhraseGathered, RecommendationWithheld, TranscriptionRejected

_REJECTED: Final = {
    "empty": "Nenhuma palavra foi ouvida.",
    "no_words": "Nenhuma palavra foi ouvida.",
    "no_speech": "Não parecia fala.",
    "low_confidence": "Não deu para entender com segurança.",
    "repetition": "O texto se repetia como ruído.",
    "prompt_echo": "O texto não veio do balcão.",
    "stock_phrase": "O texto não veio do balcão.",
    "impossible_pace": "Palavras demais para o tempo de fala.",
}
_WITHHELD: Final = {
    "nothing_asked": "Nada foi pedido.",
    "no_basket": "Não há sugestões para esse assunto.",
    "all_named_already": "Tudo o que combina já foi citado ou sugerido.",
    "suggested_lately": "O que combina foi sugerido há pouco.",
    "price_or_dosage": "Preço, dose e pagamento são com o atendente.",
    "prescription_only": "É medicamento com receita: chame o farmacêutico.",
    "category_without_advice": "Esse assunto não leva sugestão.",
    "refer_to_pharmacist": "Chame o farmacêutico: este pedido precisa de orientação.",
    "transcription_failed": "A fala não pôde ser transcrita.",
    "understanding_failed": "O pedido não pôde ser interpretado.",
}


def outcome(event: Event) -> Desfecho | None:
    """Return the message of a phrase's outcome; None for other events, and where nobody is there to be told."""
    match event:
        case TranscriptionRejected():
            words = _REJECTED.get(event.reason, "O texto foi tomado por ruído.")
            return _message(event.phrase, "rejeitada", event.reason, words)
        case RecommendationWithheld() if event.reason != "client_left":
            return _message(event.phrase, "sem_sugestao", event.reason, why_withheld(event.reason))
        case PhraseGathered():
            words = "Entendida junto com a frase seguinte."
            return {**_message(event.phrase, "juntada", "gathered", words), "com": event.into}
        case _:
            return None


def why_withheld(reason: str | None) -> str:
    """Return what an attendant is told where nothing is suggested."""
    return _WITHHELD.get(reason or "", "Sem sugestão para este pedido.")


def _message(phrase: int, result: Literal["rejeitada", "sem_sugestao", "juntada"], code: str, words: str) -> Desfecho:
    return {"comando": "desfecho", "frase": phrase, "resultado": result, "motivo": code, "mensagem": words}
