"""A Dockerfile's steps are read as an engine reads them, and what cannot be run here is refused."""

from pathlib import Path

import pytest

from tests.image.building import BuildError, build
from tests.image.dockerfile import Stage, Step, UnknownStepError, let_in, origin_of, pairs, read_stages
from tests.image.running import Compose, StartError, interpolated

ROOT = Path(__file__).parents[2]


def written(folder: Path, text: str) -> Path:
    path = folder / "Dockerfile"
    path.write_text(text)
    return path


def test_stages_and_steps_are_read_with_their_continuations(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '# syntax\nFROM a:1 AS build\nRUN one \\\n    && two\nFROM b\nENV A=1 \\\n    B="2 3"\n'
        "COPY --from=build /x /y/\nUSER 7:8\nCMD [\"a\", \"b c\"]\n",
    )  # fmt: skip
    build_stage, last = read_stages(path)
    assert (build_stage.base, build_stage.name, last.base, last.name) == ("a:1", "build", "b", None)
    assert build_stage.steps[0].value.split() == ["one", "&&", "two"]
    assert last.env == {"A": "1", "B": "2 3"}
    assert origin_of(last.steps[1]) == ("build", ["/x"], "/y/")
    command = last.last("CMD")
    assert command is not None
    assert command.words == ["a", "b c"]
    assert last.last("VOLUME") is None


@pytest.mark.parametrize(
    "step", ["ADD x y", "RUN --mount=type=cache,target=/x make", 'RUN ["make"]', "SHELL x", "ARG X=1", "ONBUILD RUN x"]
)
def test_a_step_that_is_not_run_here_is_refused(tmp_path: Path, step: str) -> None:
    with pytest.raises(UnknownStepError):
        read_stages(written(tmp_path, f"FROM a\n{step}\n"))


def test_a_context_that_lets_everything_in_is_refused(tmp_path: Path) -> None:
    ignore = tmp_path / ".dockerignore"
    ignore.write_text(".git\n.env\n")
    with pytest.raises(UnknownStepError, match="no allow-list"):
        let_in(ignore)


def test_what_the_context_keeps_out_is_not_copied(tmp_path: Path) -> None:
    base, context = tmp_path / "base", tmp_path / "context"
    (tmp_path / "made").mkdir()
    (context / "in" / "__pycache__").mkdir(parents=True)
    (context / "in" / "a.py").write_text("a")
    (context / ".env").write_text("SECRET=1")
    (context / ".dockerignore").write_text("*\n!in\n**/__pycache__\n")
    base.mkdir()
    end = [Step("USER", "1:1"), Step("WORKDIR", "/d"), Step("VOLUME", "/d")]
    image = build([Stage("a", None, [Step("COPY", "in in"), *end])], base, context, tmp_path / "made", lambda _: None)
    assert [path.relative_to(image.root).as_posix() for path in sorted(image.root.rglob("*"))] == ["d", "in", "in/a.py"]
    with pytest.raises(BuildError, match=r"\.env is not in the context"):
        build([Stage("a", None, [Step("COPY", ".env ."), *end])], base, context, tmp_path / "made", lambda _: None)


def test_pairs_of_a_plain_line() -> None:
    assert pairs(Step("ENV", "A=1 B=x=y")) == [("A", "1"), ("B", "x=y")]


def test_a_variable_that_must_be_set_and_is_not_is_told() -> None:
    assert interpolated("a:${X:-1}:${Y}", {"Y": "2"}) == "a:1:2"
    assert interpolated("${X:-${Y:-1}.10}", {}) == "1.10"
    assert interpolated("${X:-${Y:-1}.10}", {"Y": "2"}) == "2.10"
    assert interpolated("${X:?missing}", {"X": "3"}) == "3"
    with pytest.raises(StartError, match="X: missing"):
        interpolated("${X:?missing}", {"X": ""})


def test_the_server_of_the_compose_file_is_given_a_login_that_owns_nothing() -> None:
    compose = Compose.read(ROOT)
    of_server, of_owner = compose.environment("balto"), compose.environment("owner")
    assert of_server["BALTO_DATABASE_URL"].startswith("postgresql://balto_server:")
    assert of_owner["BALTO_DATABASE_URL"].startswith("postgresql://balto:")
    assert compose.variables["POSTGRES_PASSWORD"] not in str(of_server)
    assert "BALTO_STT" not in of_server
    assert of_server["BALTO_TRUSTED_PROXIES"] == "172.30.83.10"
