"""The document of the socket: current, whole, and without a reference that leads nowhere."""

from pathlib import Path
from typing import Any

import orjson

from balto.web.asyncapi import document, written
from balto.web.wire import CloseCode

PAGE = Path(__file__).parents[3] / "docs" / "asyncapi.json"


def references(node: Any) -> list[str]:
    match node:
        case {"$ref": str() as target}:
            return [target]
        case dict():
            return [each for value in node.values() for each in references(value)]
        case list():
            return [each for value in node for each in references(value)]
        case _:
            return []


def test_the_page_is_of_this_program() -> None:
    """`python -m balto.web.asyncapi_page` writes it anew."""
    assert PAGE.read_bytes() == written()


def test_every_reference_leads_somewhere() -> None:
    whole = orjson.loads(written())
    found = references(whole)
    assert found
    for reference in found:
        place = whole
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_it_names_every_message_and_close_code() -> None:
    whole = document()
    commands = {
        one["properties"]["comando"]["const"]
        for one in whole["components"]["schemas"].values()
        if "comando" in one.get("properties", {})
    }
    assert commands == {
        "recomendar", "ready", "ack", "vad", "transcript", "desfecho", "metrics", "erro", "eco", "fim",
    }  # fmt: skip
    assert all(f"{code.value}:" in whole["info"]["description"] for code in CloseCode)
