"""What can be told of the read models' SQL without a database."""

import re

import pytest

from events.catalogue import event_types
from projections.folding import pieces
from projections.projection import Projection, reads, standard

FOLDS = [(projection.name, fold) for projection in standard() for fold in projection.folds]


@pytest.mark.parametrize(("name", "fold"), FOLDS)
def test_a_fold_that_says_what_it_reads_reads_that_and_nothing_else(name: str, fold: str) -> None:
    said = reads(fold)
    if said is not None:
        looked_up = {"SessionStarted"} if "s.first_pos" in fold else set()
        named = {word for word in re.findall(r"'([A-Z]\w+)'", fold) if word in event_types()}
        assert named - looked_up == said
        assert re.search(r"\be\.type (=|IN) ", fold)


@pytest.mark.parametrize(("name", "fold"), FOLDS)
def test_a_fold_names_only_events_that_there_are(name: str, fold: str) -> None:
    unknown = {word for word in re.findall(r"'([A-Z][a-z]+[A-Z]\w+)'", fold) if word not in event_types()}
    assert unknown == set()


@pytest.mark.parametrize("projection", standard(), ids=lambda projection: projection.name)
def test_every_read_model_says_what_it_is_and_whose_its_rows_are(projection: Projection) -> None:
    assert f"COMMENT ON TABLE {projection.name} IS" in projection.table
    assert re.search(r"^    (tenant|code) +text", projection.table, re.MULTILINE)


def test_indexes_that_only_readers_need_are_told_from_what_a_fold_needs() -> None:
    needed = "CREATE TABLE n (\n    a int PRIMARY KEY\n);\nCREATE UNIQUE INDEX ON n (a);\n"
    handy = "CREATE INDEX ON n\n    (a);\n"
    projection = Projection(name="n", table=needed + handy, folds=["SELECT $1::bigint, $2::bigint"])
    assert (projection.bare_table, projection.indexes) == (needed, handy)


@pytest.mark.parametrize(
    ("after", "upto", "skipped", "expected"),
    [
        (0, 10, [], [(0, 10)]),
        (0, 10, [1], [(1, 10)]),
        (0, 10, [10], [(0, 9)]),
        (0, 10, [4, 5], [(0, 3), (5, 10)]),
        (3, 5, [3, 4, 6], [(4, 5)]),
        (4, 5, [5], []),
    ],
)
def test_a_run_is_divided_by_what_is_skipped(
    after: int, upto: int, skipped: list[int], expected: list[tuple[int, int]]
) -> None:
    assert pieces(after, upto, skipped) == expected
