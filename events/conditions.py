"""A selection as conditions of SQL on the events `e`."""

from typing import Any, Final

from events.selection import Selection

_WHERE: Final = (
    "coalesce(jsonb_path_query_first(e.data, {}::text::jsonpath, '{{}}', true) NOT IN ('false', 'null'), false)"
)
_STREAM: Final = "EXISTS (SELECT FROM streams t WHERE t.id = e.stream_id AND {} OFFSET 0)"


def conditions_of(selection: Selection, arguments: list[object], cause: int | None, *, of_streams: bool) -> list[str]:
    """Return conditions on `e`, and add what they compare with to the arguments, which are numbered from $4."""
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
    also(_WHERE, selection.where)
    if selection.slot is not None:
        slot, slots = selection.slot
        # Multiplicative hashing (Knuth, The Art of Computer Programming, volume 3, 6.4): ids are given out in turn.
        also(f"mod((e.stream_id & 2147483647) * 2654435761 >> 16, {int(slots)}) = {{}}::bigint", slot)
    if of_streams:
        also(_STREAM.format("t.name = {}"), selection.stream)
        also(_STREAM.format("starts_with(t.name, {})"), selection.names)
        also(_STREAM.format("t.tenant = {}"), selection.tenant)
    return conditions
