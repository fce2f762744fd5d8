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
    "sinvastatina",
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
"""Names and everyday expressions, as they should be spelled. Order matters to nobody but the echo rule of `guard`."""

DEFAULT_PROMPT = "Balcão de farmácia: " + ", ".join(PRODUCT_NAMES) + "."
"""What Whisper is told has been said before, so that it spells these names."""
