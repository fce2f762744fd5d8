"""What is remembered of a conversation: circumstances, what was named and suggested, and where it ended."""

from dataclasses import replace

import pytest

from actors.session.conversation import Rules, key_terms_of
from actors.session.saying import hangs, joined, leave_taken
from actors.values import SAMPLE_RATE, Classified, Conversation, Resolved, SpeechBegan
from events.catalogue import (
    CircumstancesDenied,
    CircumstancesNoted,
    ConversationEnded,
    Entity,
    Event,
    Item,
)
from tests.unit.session.given import (
    HEADACHE,
    RULES,
    Session,
    began,
    classified,
    examined,
    normalised,
    phrase,
    policy,
    progressed,
    transcribed,
)

SECOND = SAMPLE_RATE
DIPYRONE = Entity(kind="medicine", name="Dipirona", span="dipirona", score=1.0)


class Counter(Session):
    """A counter whose basket engine notes what it is told of the conversation."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.told: list[Conversation] = []
        super().__init__(replace(policy(rules=rules), resolve=self._resolve))
        self.number = 0
        self.now = 0
        self.when(began())

    def _resolve(self, _: Classified, __: tuple[Entity, ...], conversation: Conversation) -> Resolved:
        self.told.append(conversation)
        return Resolved(
            basket="A/B", rule="macro_micro", items=(Item(sugestao=f"Água {len(self.told)}", explicacao="é"),)
        )

    def says(self, text: str, *, after_s: float = 3.0) -> list[Event]:
        """Hear a phrase of a second, and the silence that sends it if it is no whole one."""
        self.number += 1
        start = self.now + int(after_s * SECOND)
        self.now = start + SECOND
        heard = (SpeechBegan(number=self.number, sample_start=start), phrase(self.number, start, self.now))
        self.when(progressed(*heard, sample_end=self.now + 8_000, byte_end=2 * self.now + 16_000))
        self.when(examined(self.number))
        events = self.when(transcribed(text, number=self.number))
        self.now += 2 * SECOND
        return events + self.when(progressed(sample_end=self.now, byte_end=2 * self.now))

    def asks(self, text: str, *entities: Entity, after_s: float = 3.0) -> Conversation:
        self.says(text, after_s=after_s)
        self.when(normalised(*(entities or (HEADACHE,)), number=self.number))
        self.when(classified(number=self.number))
        return self.told[-1]


def test_a_pregnancy_said_before_counts_for_what_is_asked_later() -> None:
    counter = Counter()
    assert CircumstancesNoted(phrase=1, circumstances=("gestante",), asked=False) in counter.says("Estou grávida.")
    assert counter.asks("Dor de cabeça.").facts == {"gestante"}


def test_it_counts_although_no_engine_understood_the_phrase() -> None:
    counter = Counter()
    counter.says("Estou grávida.")
    counter.when(normalised(number=1, error="timeout"))
    assert counter.asks("Dor de cabeça.").facts == {"gestante"}


def test_a_circumstance_is_forgotten_after_its_time() -> None:
    counter = Counter(replace(RULES, remember_samples=60 * SECOND))
    counter.says("Estou grávida.")
    assert counter.asks("Dor de cabeça.", after_s=50).facts == {"gestante"}
    assert counter.asks("Dor de cabeça.", after_s=61).facts == set()


@pytest.mark.parametrize(
    ("said", "after_s", "reason", "last"),
    [
        ("Tchau, obrigado.", 3, "farewell", 3),
        ("Próximo, por favor!", 3, "next_customer", 2),
        ("Boa tarde.", 25, "greeting", 2),
        ("Quero dipirona.", 200, "silence", 2),
    ],
)
def test_the_next_customer_is_somebody_else(said: str, after_s: float, reason: str, last: int) -> None:
    counter = Counter()
    counter.says("Estou grávida.")
    counter.asks("Uma dipirona.", DIPYRONE)
    decided = counter.says(said, after_s=after_s)
    assert ConversationEnded(phrase=3, last=last, reason=reason) in decided  # type: ignore[arg-type] # one of its reasons
    assert counter.asks("Dor de cabeça.") == Conversation()


def test_who_is_greeted_after_thanks_is_the_next_customer_however_soon() -> None:
    counter = Counter()
    counter.says("Bom dia.")
    counter.says("Estou grávida.")
    assert counter.asks("Dor de cabeça.").facts == {"gestante"}
    counter.says("Bom dia.")
    counter.says("Muito obrigada.")
    assert ConversationEnded(phrase=6, last=5, reason="greeting") in counter.says("Boa tarde, uma dipirona.")
    assert counter.asks("Dor de cabeça.").facts == set()


@pytest.mark.parametrize(("leave", "last"), [("Próximo!", 2), ("Tchau, obrigada.", 3)])
@pytest.mark.parametrize("late", [False, True])
def test_what_waits_when_leave_is_taken_counts_for_who_goes_and_not_for_the_next(
    leave: str, last: int, late: bool
) -> None:
    counter = Counter()
    counter.asks("Uma dipirona.", DIPYRONE)
    for number in (2, 3):
        start = counter.now + number * int(1.5 * SECOND)
        heard = (SpeechBegan(number=number, sample_start=start), phrase(number, start, start + SECOND))
        counter.when(progressed(*heard, sample_end=start + SECOND + 4_000, byte_end=2 * start + 40_000))
        counter.when(examined(number))
    texts = [(2, "Estou grávida e"), (3, leave)]
    decided = [event for n, text in texts[:: -1 if late else 1] for event in counter.when(transcribed(text, number=n))]
    assert [event.last for event in decided if isinstance(event, ConversationEnded)] == [last]
    assert CircumstancesNoted(phrase=2, circumstances=("gestante",), asked=False) in decided
    counter.number, counter.now = 3, start + 5 * SECOND
    assert counter.asks("Dor de cabeça.").facts == set()


def test_what_is_still_under_way_of_the_former_conversation_keeps_its_circumstances() -> None:
    counter = Counter()
    counter.says("Estou grávida.")
    counter.says("Dor de cabeça.")
    counter.says("Tchau!")
    counter.when(normalised(HEADACHE, number=2))
    counter.when(classified(number=2))
    assert counter.told[-1].facts == {"gestante"}
    assert counter.asks("Dor de cabeça.") == Conversation()


def test_a_question_about_a_circumstance_counts_until_it_is_denied() -> None:
    counter = Counter()
    counter.says("A senhora está grávida?")
    assert counter.asks("Dor de cabeça.").facts == {"gestante"}
    counter.says("A senhora está grávida?")
    assert CircumstancesDenied(phrase=4, circumstances=("gestante",)) in counter.says("Não, não.")
    assert counter.asks("Dor de cabeça.").facts == set()


def test_a_no_to_something_else_denies_nothing() -> None:
    counter = Counter()
    counter.says("Estou grávida.")
    counter.says("Não, só isso.")
    assert counter.asks("Dor de cabeça.").facts == {"gestante"}


def test_what_was_suggested_is_told_until_it_has_cooled_down() -> None:
    counter = Counter(replace(RULES, cooldown_samples=60 * SECOND))
    counter.asks("Dor de cabeça.")
    assert counter.asks("Dor de cabeça.").suggested == {"agua 1"}
    assert counter.asks("Dor de cabeça.", after_s=100).suggested == set()


def test_products_named_before_are_told_without_case_and_accents() -> None:
    counter = Counter()
    counter.asks("Uma dipirona.", DIPYRONE)
    assert counter.asks("Dor de cabeça.").anchors == {"dipirona"}


def test_terms_are_those_of_the_running_conversation_the_latest_first() -> None:
    counter = Counter()
    counter.asks("Uma dipirona.", DIPYRONE)
    counter.asks("Dor de cabeça.")
    counter.asks("Dipirona.", DIPYRONE)
    assert key_terms_of(counter.state.memory) == ("Dipirona", "dor de cabeça")
    counter.says("Tchau!")
    assert key_terms_of(counter.state.memory) == ()


@pytest.mark.parametrize(
    ("text", "leave"),
    [
        ("Tchau, obrigado.", "farewell"),
        ("Até logo, viu?", "farewell"),
        ("Tenha um bom dia!", "farewell"),
        ("Muito obrigados, tem uma boa tarde.", "farewell"),
        ("Aqui está o seu troco. Muito obrigado e volte sempre.", "farewell"),
        ("Tem uma boa pomada?", None),
        ("Próximo!", "next_customer"),
        ("O próximo, por favor.", "next_customer"),
        ("Obrigada.", None),
        ("Volto na próxima semana.", None),
        ("Bom dia.", None),
        ("", None),
    ],
)
def test_leave_is_taken_in_few_words(text: str, leave: str | None) -> None:
    assert leave_taken(text) == leave


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (["Eu queria um remédio pra.", "Dor de cabeça."], "Eu queria um remédio pra Dor de cabeça."),
        (["Não", "dor de cabeça"], "Não, dor de cabeça"),
        (["Não.", "", "Dor de cabeça."], "Não. Dor de cabeça."),
        ([], ""),
    ],
)
def test_phrases_are_joined_so_that_a_pause_denies_nothing(texts: list[str], text: str) -> None:
    assert joined(texts) == text


def test_a_text_hangs_on_a_word_that_ends_no_sentence() -> None:
    assert hangs("um remédio pra...")
    assert not hangs("como é?")
    assert not hangs("")
