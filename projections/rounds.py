"""A round of the projector as one function in the database: claims, lays out, folds and moves checkpoints at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from projections.projection import Projection, reads

SIGNATURE: Final = "pg_temp.desk_round(bigint, bigint, bigint, text[], boolean)"
CALL: Final = "SELECT outcome, folded, upto, head FROM pg_temp.desk_round($1, $2, $3, $4, $5)"
# The statements here find the run under the path of the connection, the folds under one that begins with their schema:
# a plan is made anew where the path is another than it was made for. Laying out is a statement of the function, since
# such a one is given its snapshot after its locks: a partition that is still seen is not detached any more.
_ROUND: Final = """
CREATE OR REPLACE FUNCTION pg_temp.desk_round(
    INOUT head bigint, batch bigint, most bigint, meant text[], patient boolean,
    OUT outcome text, OUT folded bigint, OUT upto bigint
)
LANGUAGE plpgsql
AS $desk$
#variable_conflict use_variable
DECLARE
    names  text[];
    after  bigint;
    behind bigint;
    moved  boolean;
    laid   bigint;
    types  text[];
    set_to text;
BEGIN
    IF head IS NULL THEN
        SELECT h.position INTO head FROM head h;
    END IF;
    IF patient THEN
        {claim};
    ELSE
        {claim_free};
    END IF;
    folded := 0;
    upto := least(after + batch, head);
    IF names IS NULL THEN
        outcome := 'idle';
        RETURN;
    ELSIF moved THEN
        outcome := 'moved';
        RETURN;
    END IF;
    outcome := 'apart';
    IF behind <> after OR upto - after > most
       OR EXISTS (SELECT FROM projections.skips k
                   WHERE k.name = ANY (names) AND k.position > after AND k.position <= upto) THEN
        RETURN;
    END IF;
    INSERT INTO pg_temp.events SELECT * FROM folding.events l WHERE l.position > after AND l.position <= upto;
    GET DIAGNOSTICS laid = ROW_COUNT;
    IF laid <> upto - after THEN
        RETURN;
    END IF;
    types := ARRAY(SELECT DISTINCT l.type FROM pg_temp.events l);
    INSERT INTO pg_temp.events
    SELECT b.* FROM (SELECT DISTINCT l.stream_id FROM pg_temp.events l) t
      JOIN streams s ON s.id = t.stream_id AND s.first_pos <= after
      JOIN folding.events b ON b.position = s.first_pos;
    UPDATE projections.checkpoints c SET position = upto, updated_at = clock_timestamp() WHERE c.name = ANY (names);
{folds}
    outcome := 'folded';
    folded := cardinality(names) * laid;
END
$desk$
"""
_CLAIM: Final = """
        SELECT array_agg(c.name), max(c.position), min(c.position), bool_or(c.moved)
          INTO names, after, behind, moved
          FROM (SELECT c.name, c.position, c.generation <> w.generation AS moved
                  FROM projections.checkpoints c
                  JOIN (VALUES {known}) AS w (name, generation, definition)
                    ON w.name = c.name AND w.definition = c.definition
                 WHERE c.stopped_at IS NULL AND c.position < head AND (meant IS NULL OR c.name = ANY (meant))
                 ORDER BY c.name
                   FOR UPDATE OF c{skip}) c"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One read model's part of a round."""

    projection: Projection
    generation: int
    statements: Sequence[str]
    """Names of its prepared folds, in order."""

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return self.projection.schema(self.generation)


def round_function(turns: Sequence[Turn], path: str) -> str:
    """Return the statement that makes the function `CALL` calls; each round of it is a transaction by itself.

    Its arguments are the last event to fold, null for the ledger's last; how many at most; how many of them may be laid
    out; names of the read models that are meant, null for all; and whether to wait for those that another projector is
    at. It gives how many events were folded, counted once for each read model, up to which one, the last event to
    fold, and what came of it: `folded`; `idle`, there was none to fold into; `moved`, some have another generation by
    now; `apart`, the run is not the same for all, too long, not all there, or holds what is to be skipped. Only
    `folded` changes anything.

    Args:
        turns: of the read models that may be folded into.
        path: what the connection's search path is.
    """
    known = ", ".join(
        f"('{turn.projection.name}', {turn.generation}, '\\x{turn.projection.definition.hex()}'::bytea)"
        for turn in turns
    )
    return _ROUND.format(
        claim=_CLAIM.format(known=known, skip="").strip(),
        claim_free=_CLAIM.format(known=known, skip=" SKIP LOCKED").strip(),
        folds="\n".join(line for turn in turns for line in _folds(turn, path)),
    )


def entering(schema: str, path: str) -> str:
    """Return the search path under which the folds of a schema find what is laid out."""
    return ", ".join(filter(None, (schema, "pg_temp", path)))


def _folds(turn: Turn, path: str) -> Iterator[str]:
    wanted: Mapping[str, frozenset[str] | None] = {
        name: reads(fold) for name, fold in zip(turn.statements, turn.projection.folds, strict=True)
    }
    any_of = None if None in wanted.values() else frozenset().union(*(types or () for types in wanted.values()))
    yield f"    IF '{turn.projection.name}' = ANY (names){_among(any_of)} THEN"
    quoted = entering(turn.schema, path).replace("'", "''")
    yield f"        set_to := set_config('search_path', '{quoted}', true);"
    for name, types in wanted.items():
        execution = f"EXECUTE format('EXECUTE {name} (%s, %s)', after, upto);"
        yield f"        {execution}" if types is None else f"        IF true{_among(types)} THEN {execution} END IF;"
    yield "    END IF;"


def _among(types: frozenset[str] | None) -> str:
    """Return the rest of a condition: that the run holds one of these types."""
    if types is None:
        return ""
    return f" AND types && ARRAY[{', '.join(f"'{name}'" for name in sorted(types))}]"
