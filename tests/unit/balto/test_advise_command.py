"""`balto advise` on lines of every kind: one answer a line, whatever the line is made of."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from balto.cli.commands import app


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BALTO_LLM", "lexicon")
    monkeypatch.setenv("BALTO_DATA_DIR", str(tmp_path))


def balto(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def answers(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_line_of_a_file_has_its_answer(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    lines = [
        "tô com azia".encode(),
        b"",
        b"asdf qwer zxcv",
        b"dor de cabe\xe7a",
        ("febre " * 20_000).encode(),
        b"I would like something for my headache, please",
        "¿Tiene algo para el dolor de cabeza?".encode(),
        "😀😀👍".encode(),
        b"quanto custa a dipirona?",
        b"ardendo pra fazer xixi",
    ]
    file.write_bytes(b"\n".join(lines))
    told = answers(balto("advise", "--file", str(file)))
    assert len(told) == len(lines)
    assert told[3] == {"line": 4, "error": "byte 11 is not UTF-8"}
    assert [each.get("macro") for each in told[:1] + told[-1:]] == ["GASTROINTESTINAL", "SAUDE_INTIMA_URINARIO"]
    assert told[4]["entities"][0]["name"] == "febre"
    for silent in (1, 2, 5, 6, 7):
        assert told[silent]["items"] == []
        assert told[silent]["withheld"] == "nothing_asked"
    assert told[8]["withheld"] == "price_or_dosage"


def test_standard_input_is_read_as_lines_and_a_byte_order_mark_is_no_word() -> None:
    first, second = answers(balto("advise", "-", stdin="\ufeffazia\nrinite".encode()))
    assert (first["entities"][0]["span"], second["macro"]) == ("azia", "ALERGIAS")


def test_a_line_without_end_is_passed_over() -> None:
    endless, after = answers(balto("advise", "-", stdin=b"a" * (3 << 20) + b"\nazia\n"))
    assert endless == {"line": 1, "error": "longer than 1048576 bytes"}
    assert after["macro"] == "GASTROINTESTINAL"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "balto: give a text, `-` or --file FILE"),
        (("azia", "--file", "x"), "balto: give a text, `-` or --file FILE"),
        (("--file", "nowhere.txt"), "balto: nowhere.txt cannot be read: No such file or directory"),
        (("--file", "."), "balto: . cannot be read: Is a directory"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(arguments: tuple[str, ...], line: str) -> None:
    result = balto("advise", *arguments)
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [line]


def test_a_person_is_told_why_nothing_is_suggested_and_by_which_rule() -> None:
    told = balto("advise", "minha filha tomou veneno de rato").stdout
    assert "Chame o farmacêutico" in told
    assert "(intoxicação ou dose demais)" in told
    assert "Preço, dose e pagamento são com o atendente." in balto("advise", "quanto custa a dipirona?").stdout
