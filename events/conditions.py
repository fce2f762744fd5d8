"""A selection as conditions of SQL on the events `e`."""

from typing import Any, Final

from events.selection import Selection

_WHERE: Final = (
    "coalesce(jsonb_path_query_first(e.data, {0}::text::jsonpath, '{{}}', true) NOT IN ('false', 'null'), false)"
)
_STREAM: Final = "EXISTS (SELECT FROM streams t WHERE t.id = e.stream_id AND {} OFFSET 0)"


_HOLDS: Final = "e.data @@ {0}::text::jsonpath"
_FINDS: Final = "e.data @? {0}::text::jsonpath"


def conditions_of(
    selection: Selection, arguments: list[object], cause: int | None, *, of_streams: bool, predicate: bool = False
) -> list[str]:
    """Return conditions on `e`, and add what they compare with to the arguments, which are numbered from $4.

    Args:
        selection: what is meant.
        arguments: taken so far.
        cause: the stream of the event that led to what is meant.
        of_streams: whether conditions on streams are needed.
        predicate: whether the path is a condition, rather than one that finds something.
    """
    conditions: list[str] = []

    def also(condition: str, value: Any) -> None:
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(f"${len(arguments) + 3}"))

    also("e.type = ANY ({}::text[])", list(selection.types) or None)
    also("e.recorded_at >= {}", selection.since)
    also("e.recorded_at < {}", selection.until)
    also("e.correlation_id = {}", selection.correlation_id)
    also("e.causation_id = {}", selection.causation_id)
    also("e.stream_id = {}", cause)
    # An index serves these two operators and no function.
    also(_HOLDS if predicate else f"{_FINDS} AND {_WHERE}", selection.where)
    if selection.slot is not None:
        slot, slots = selection.slot
        # Multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, 6.4): ids are given out in turn.
        also(f"mod((e.stream_id & 2147483647) * 2654435761 >> 16, {int(slots)}) = {{}}::bigint", slot)
    if of_streams:
        also(_STREAM.format("t.name = {}"), selection.stream)
        also(_STREAM.format("starts_with(t.name, {})"), selection.names)
        also(_STREAM.format("t.tenant = {}"), selection.tenant)
    return conditions
