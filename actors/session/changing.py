"""Copies of a session's values with some fields changed: `dataclasses.replace` at half its cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["changed"]

if TYPE_CHECKING:
    # Checked as what it does: names and types of the fields.
    from dataclasses import replace as changed
else:

    def changed[T](value: T, **changes: Any) -> T:
        """Return a copy of a frozen dataclass with slots and without `__post_init__`, some of its fields changed.

        The fields go past `__init__`, which would set each by its name. A session's state has two dozen, and is copied
        for every event.

        Raises:
            KeyError: there is no such field.
        """
        kind = type(value)
        read, setters, by_name = _slots(kind)
        copy = object.__new__(kind)
        for put, each in zip(setters, read(value), strict=True):
            put(copy, each)
        for name, each in changes.items():
            by_name[name](copy, each)
        return copy


type _Setter = Callable[[Any, Any], None]


@cache
def _slots(kind: type[Any]) -> tuple[Callable[[Any], Sequence[Any]], Sequence[_Setter], Mapping[str, _Setter]]:
    names = [each.name for each in fields(kind)]
    by_name = {name: vars(kind)[name].__set__ for name in names}
    return attrgetter(*names), tuple(by_name.values()), by_name
