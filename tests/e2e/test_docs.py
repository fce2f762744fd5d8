"""The documents' commands, programs and links: what they tell a reader to type is there."""

import ast
import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

from balto.cli.commands import app
from events.catalogue import RecommendationAnswered
from tests.e2e.conftest import House, of_type
from tests.recordings import conversation, wav

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md"))
    if page.name != "CHANGELOG.md"
)
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_UsageError: Final[type[Exception]] = typer.BadParameter.__mro__[1]
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def blocks(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            if found[1] == language:
                yield page, found[2]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every `balto …` in a block of shell, with its words; what is left to the reader (`…`) is in them too."""
    for page, text in blocks("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            command = line.partition(" #")[0].strip()
            for part in re.split(r"\s*(?:\||&&|;)\s*", command):
                words = shlex.split(part)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words and Path(words[0]).name == "balto":
                    yield page.name, words[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target for target in _LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / target).exists()
    ]
    assert missing == []


def test_commands_are_there_with_the_options_that_are_shown() -> None:
    program = typer.main.get_command(app)
    told = list(commands())
    assert len(told) > 40
    for page, words in told:
        try:
            _parse(program, words[: words.index(">")] if ">" in words else words)
        except typer.BadParameter:
            continue  # a name in capitals stands for what the reader puts there
        except _UsageError as problem:
            pytest.fail(f"{page}: balto {' '.join(words)}: {problem}")


def test_a_command_or_option_that_is_not_there_would_be_found() -> None:
    program = typer.main.get_command(app)
    for words in (["serve", "--nowhere"], ["nothing"], ["report", "nothing"], ["diff", "one"]):
        with pytest.raises(_UsageError):
            _parse(program, words)


def _parse(command: Any, words: list[str], within: Any = None) -> None:
    """Parse a command line as the program would, without running it; files need not exist."""
    with command.make_context(words[0] if words else "", list(words), parent=within) as context:
        rest = [*context._protected_args, *context.args]
        if hasattr(command, "commands") and rest:
            _, further, rest = command.resolve_command(context, rest)
            _parse(further, rest, context)


@pytest.mark.parametrize(("page", "text"), [*blocks("json")], ids=lambda one: getattr(one, "name", ""))
def test_json_is_json(page: Path, text: str) -> None:
    for one in re.split(r"\n(?=\{)", text.strip()):
        json.loads(one)


async def test_the_python_of_the_clients_page_runs(
    house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for page, text in blocks("python"):
        if page.name == "clients.md":
            ast.parse(text)
            exec(compile(text, str(page), "exec"), names)
    spoken = conversation("dor_de_cabeca")
    recording = tmp_path / "balcao.wav"
    recording.write_bytes(wav(spoken))
    await names["main"](house.url, house.key, str(recording))
    printed = capsys.readouterr().out
    assert "ouvido: " in printed
    assert "sugira: " in printed

    async def microphone() -> AsyncIterator[bytes]:
        for start in range(0, len(spoken), 3200):
            yield spoken[start : start + 3200].tobytes()
            await asyncio.sleep(0)

    await names["counter"](house.url, house.key, microphone())
    sessions = await house.ended(2)
    assert [answer.answer for answer in of_type(sessions[1], RecommendationAnswered)] == ["exibida"]
