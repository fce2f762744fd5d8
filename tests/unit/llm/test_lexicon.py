import pytest

from actors.basket.catalogue import BasketCatalogue
from actors.llm.lexicon import LexiconUnderstanding
from actors.llm.understanding import Understanding
from actors.values import Classified, LexiconEntry
from events.catalogue import Category, Entity


async def understand(engine: LexiconUnderstanding, text: str) -> tuple[list[str], Classified]:
    normalised = await engine.normalise(text, budget_s=1)
    classified = await engine.classify(text, normalised.entities, budget_s=1)
    return [entity.name for entity in normalised.entities], classified


def test_it_is_an_understanding_whose_model_is_the_vocabularys_version(
    engine: LexiconUnderstanding, baskets: BasketCatalogue
) -> None:
    port: Understanding = engine
    assert (port.engine, port.model) == ("lexicon", baskets.version)


@pytest.mark.parametrize("text", ["", "   ", "...", "bom dia", "123 456", "😀", "a" * 5000, "não", "e o a os"])
async def test_a_sentence_with_nothing_in_it_gives_nothing(engine: LexiconUnderstanding, text: str) -> None:
    names, classified = await understand(engine, text)
    assert names == []
    assert (classified.categories, classified.anchors, classified.confidence) == ((), (), 0.0)


async def test_every_form_of_every_entry_is_found_and_placed(
    engine: LexiconUnderstanding, baskets: BasketCatalogue
) -> None:
    lost = []
    for entry in baskets.lexicon:
        for form in (entry.name, *entry.forms):
            names, _ = await understand(engine, f"queria {form}")
            if entry.name not in names:
                lost.append((entry.name, form, names))
    assert lost == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("não tô com febre", []),
        ("não estou com dor de cabeça", []),
        ("sem febre", []),
        ("não tem tosse nem febre", []),
        ("não tô com febre mas tô com tosse", ["tosse"]),
        ("não tô com febre, só tosse", ["tosse"]),
        ("não tem dipirona?", ["dipirona"]),
        ("vocês não têm dipirona em gotas?", ["dipirona"]),
        ("não quero dipirona, quero paracetamol", ["paracetamol"]),
        ("não consigo dormir", ["insônia"]),
        ("não para de tossir", ["tosse"]),
        ("não é gripe não, é rinite", ["rinite"]),
        ("desodorante sem perfume", ["desodorante"]),
        ("eu não sei, acho que é gripe", ["gripe"]),
        ("não é pra febre não, é pra tosse", ["tosse"]),
        ("febre não, só tosse", ["tosse"]),
        ("tenho febre não", []),
        ("não aguento essa febre não", ["febre"]),
        ("tem dipirona não?", ["dipirona"]),
        ("a febre já passou, agora é só a tosse", ["tosse"]),
        ("a azia não passou", ["azia"]),
        ("sarei da gripe, agora tô com rinite", ["rinite"]),
        ("nunca tive azia", []),
    ],
)
async def test_what_is_denied_is_not_found(engine: LexiconUnderstanding, text: str, expected: list[str]) -> None:
    names, _ = await understand(engine, text)
    assert names == expected


@pytest.mark.parametrize(
    "text", ["sou alérgico a dipirona, tenho dor de cabeça", "não posso tomar dipirona, tenho dor de cabeça"]
)
async def test_a_refused_medicine_is_no_request_but_an_anchor(engine: LexiconUnderstanding, text: str) -> None:
    names, classified = await understand(engine, text)
    assert names == ["dor de cabeça"]
    assert classified.anchors == ("dipirona",)
    assert classified.categories[0] == Category(macro="DOR_FEBRE_INFLAMACAO", micro="DOR_DE_CABECA")


async def test_an_allergy_to_no_medicine_is_a_request(engine: LexiconUnderstanding) -> None:
    names, _ = await understand(engine, "tô com alergia na pele")
    assert names == ["alergia"]


@pytest.mark.parametrize("text", ["Tem AAS?", "quero aas infantil", "A.A.S. de cem", "me dá um a a s"])
async def test_aas_is_found_short_as_it_is(engine: LexiconUnderstanding, text: str) -> None:
    names, _ = await understand(engine, text)
    assert names == ["ácido acetilsalicílico"]


@pytest.mark.parametrize("text", ["ele tá em casa", "as coisas", "a sua vez", "faz assim", "essa é a mais nova"])
async def test_small_words_never_become_a_short_name(engine: LexiconUnderstanding, text: str) -> None:
    names, _ = await understand(engine, text)
    assert names == []


@pytest.mark.parametrize("text", ["TÁ ARDENDO PRA FAZER XIXI", "ta ardendo pra fazer xixi", "arde quando vou urinar"])
async def test_case_accents_inflection_and_order_make_no_difference(engine: LexiconUnderstanding, text: str) -> None:
    names, _ = await understand(engine, text)
    assert names == ["ardência ao urinar"]


async def test_the_same_thing_twice_is_one_entity_with_its_best_proof(engine: LexiconUnderstanding) -> None:
    normalised = await engine.normalise("de pirona, isso, dipirona", budget_s=1)
    assert [(e.name, e.span, e.score) for e in normalised.entities] == [("dipirona", "dipirona", 1.0)]


async def test_products_are_anchors_and_complaints_are_not(engine: LexiconUnderstanding) -> None:
    _, classified = await understand(engine, "ibuprofeno e protetor solar, tô com azia e rinite")
    assert classified.anchors == ("ibuprofeno", "protetor solar")


async def test_why_someone_came_outweighs_what_they_ask_for(engine: LexiconUnderstanding) -> None:
    _, classified = await understand(engine, "quero ibuprofeno pra cólica menstrual")
    assert [c.macro for c in classified.categories] == ["SAUDE_FEMININA_MENSTRUACAO", "DOR_FEBRE_INFLAMACAO"]


async def test_at_most_two_categories_and_less_confidence_the_more_is_asked(
    engine: LexiconUnderstanding,
) -> None:
    _, one = await understand(engine, "tô com azia")
    _, many = await understand(engine, "tô com azia, rinite, insônia e caspa")
    assert len(many.categories) == 2
    assert 0 < many.confidence < one.confidence == 1.0


async def test_entities_of_another_engine_are_placed_and_unknown_ones_are_anchors_only(
    engine: LexiconUnderstanding,
) -> None:
    entities = (
        Entity(kind="medicine", name="Novalgina", span="novalgina", score=0.9),
        Entity(kind="medicine", name="xyzol", span="xyzol", score=0.9),
    )
    classified = await engine.classify("novalgina e xyzol", entities, budget_s=1)
    assert classified.categories == (Category(macro="DOR_FEBRE_INFLAMACAO", micro="FEBRE"),)
    assert classified.anchors == ("Novalgina", "xyzol")
    unknown = await engine.classify("xyzol", entities[1:], budget_s=1)
    assert (unknown.categories, unknown.anchors, unknown.confidence) == ((), ("xyzol",), 0.0)


async def test_spans_are_the_words_as_they_were_said(engine: LexiconUnderstanding) -> None:
    normalised = await engine.normalise("Oi! Quero um O MEPRASOL, e tô com Dor de Cabeça.", budget_s=1)
    assert [entity.span for entity in normalised.entities] == ["O MEPRASOL", "Dor de Cabeça"]


def test_an_empty_vocabulary_understands_nothing() -> None:
    assert LexiconUnderstanding((), "0").entities("quero dipirona") == ()


def test_a_longer_name_wins_over_the_one_inside_it() -> None:
    place = Category(macro="A")
    engine = LexiconUnderstanding(
        (
            LexiconEntry(name="dor", kind="symptom", category=place),
            LexiconEntry(name="dor de dente", kind="symptom", category=place),
        ),
        "1",
    )
    assert [e.name for e in engine.entities("tô com dor de dente e dor")] == ["dor de dente", "dor"]


@pytest.mark.parametrize(
    "text",
    [
        "meu time me dá uma dor de cabeça",
        "que cachorrinho lindo, ele chama Vick?",
        "na novela de ontem a moça tava com febre",
        "¿Tiene algo para el dolor de cabeza?",
        "please give me something for the pain, I have dor de cabeça",
    ],
)
async def test_what_is_told_of_others_or_in_another_language_is_no_request(
    engine: LexiconUnderstanding, text: str
) -> None:
    assert (await understand(engine, text))[0] == []


@pytest.mark.parametrize(
    ("text", "macro"),
    [
        ("meu filho tá com tosse", "PEDIATRIA"),
        ("minha netinha tá com o nariz escorrendo", "PEDIATRIA"),
        ("moça, tô com uma tosse", "RESPIRATORIO_GRIPE"),
        ("meu filho tá com espinha", "PELE_DERMATO"),
    ],
)
async def test_some_complaints_belong_elsewhere_when_a_child_has_them(
    engine: LexiconUnderstanding, text: str, macro: str
) -> None:
    _, classified = await understand(engine, text)
    assert classified.categories[0].macro == macro


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deua nemia no exame", ["anemia"]),
        ("tem os prínas onex", ["mometasona"]),
        ("queria um dremin", ["dimenidrinato"]),
        ("alegra de cento e vinte", ["fexofenadina"]),
        ("a moça se alegra", []),
        ("comprei uma panela de pressão", []),
        ("mamadeira anticólica", ["mamadeira"]),
        ("o ortopedista falou comigo", []),
        ("o menino caiu na risada", []),
    ],
)
async def test_names_are_found_across_words_but_not_made_up(
    engine: LexiconUnderstanding, text: str, expected: list[str]
) -> None:
    assert (await understand(engine, text))[0] == expected
