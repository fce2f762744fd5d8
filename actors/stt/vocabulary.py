"""The words that a Brazilian pharmacy counter is expected to hear, for prompts, key terms and the guard."""

PRODUCT_NAMES: tuple[str, ...] = (
    "dipirona",
    "paracetamol",
    "ibuprofeno",
    "AAS",
    "Dorflex",
    "Neosaldina",
    "Buscopan",
    "amoxicilina",
    "azitromicina",
    "loratadina",
    "Allegra",
    "omeprazol",
    "losartana",
    "metformina",
    "Glifage",
    "Rivotril",
    "nimesulida",
    "diclofenaco",
    "dexametasona",
    "prednisolona",
    "Hipoglós",
    "Bepantol",
    "xarope",
    "antigripal",
    "pomada para assadura",
    "antiácido",
    "azia e má digestão",
    "tosse com catarro",
    "soro fisiológico",
    "vitamina C",
    "protetor solar",
    "fralda",
)
"""Names and everyday expressions, as they should be spelled. Their order matters to the echo rule of `guard`.

No name that everyday words sound like: primed with "sinvastatina", Whisper heard it in "temos sim, esta aqui".
"""

DEFAULT_PROMPT = "Balcão de farmácia: " + ", ".join(PRODUCT_NAMES) + "."
"""What Whisper is told has been said before, so that it spells these names."""
