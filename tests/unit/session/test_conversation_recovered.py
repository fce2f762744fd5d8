"""Conversations of random lives: a session that is recovered anywhere decides as one that never stopped."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.session.decisions import decide
from actors.session.inputs import GatherDue, Input, Policy
from actors.session.state import SessionState, evolve, fold
from actors.values import Resolved, SpeechBegan
from events.catalogue import (
    Event,
    Item,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationSent,
    RecommendationWithheld,
    TranscriptionRejected,
)
from tests.unit.session.given import (
    HEADACHE,
    RULES,
    began,
    classified,
    examined,
    normalised,
    phrase,
    policy,
    progressed,
    transcribed,
)

TEXTS = st.sampled_from(
    [
        "Estou grávida.",
        "Dor de cabeça.",
        "Eu queria",
        "um remédio pra",
        "Bom dia.",
        "Tchau!",
        "Próximo.",
        "Não.",
        "dipirona?",
    ]
)


def lives(draw: st.DrawFn) -> list[Input]:
    """Draw what a session is told: a few phrases, their texts and answers in some order, ticks and silence between."""
    inputs: list[Input] = [began()]
    now = 0
    for number in range(1, draw(st.integers(1, 6)) + 1):
        start = now + draw(st.sampled_from([4_000, 12_000, 40_000, 400_000, 4_000_000]))
        now = start + 8_000
        heard = (SpeechBegan(number=number, sample_start=start), phrase(number, start, now))
        inputs += [progressed(*heard, sample_end=now + 8_000, byte_end=2 * now + 16_000), examined(number)]
        answers: list[Input] = [
            transcribed(draw(TEXTS), number=number),
            normalised(HEADACHE, number=number),
            classified(number=number),
        ]
        inputs += answers[: draw(st.integers(0, 3))]
        if draw(st.booleans()):
            inputs.append(GatherDue(last=number, reason="timer", forced=draw(st.booleans())))
    late: list[Input] = [m for n in range(1, 7) for m in (transcribed(draw(TEXTS), number=n),)]
    end = progressed(sample_end=now + 100_000, byte_end=2 * now + 200_000, final=True)
    answered: list[Input] = [m for n in range(1, 7) for m in (normalised(HEADACHE, number=n), classified(number=n))]
    return [*inputs, *draw(st.permutations(late)), end, *answered]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_session_recovered_anywhere_decides_as_one_that_never_stopped(data: st.DataObject) -> None:
    rules: Policy = replace(
        policy(rules=RULES),
        resolve=lambda c, e, conversation: Resolved(
            basket=",".join(sorted(conversation.facts)) or "A/B",
            rule="macro_micro",
            items=(Item(sugestao=f"Água {len(conversation.suggested)}", explicacao="é"),),
        ),
    )
    state, stream = SessionState(), list[Event]()
    for message in data.draw(st.composite(lives)()):
        decided = decide(state, message, rules)
        # Of what is durable, a later life knows the whole: batches are not torn, and the fold is all there is.
        assert decide(fold(stream), message, rules) == decided
        for event in decided:
            state = evolve(state, event)
        stream += decided
    outcomes = [
        e.phrase
        for e in stream
        if isinstance(
            e, RecommendationSent | RecommendationWithheld | TranscriptionRejected | PhraseDiscarded | PhraseGathered
        )
    ]
    assert sorted(outcomes) == list(range(1, state.phrases + 1))
    assert state.open_phrases == {}
