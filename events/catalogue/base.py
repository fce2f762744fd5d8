"""What every event of the catalogue shares: the base class, the registry and the mark on personal fields."""

from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

PERSONAL = {"personal": True}


def personal(**kwargs: Any) -> Any:
    """Declare a dataclass field that holds personal or health data, to be sealed at rest and kept out of logs."""
    return field(metadata=PERSONAL, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. Immutable; named in the past tense; its shape is fixed by its schema version."""

    schema_version: ClassVar[int] = 1


E = TypeVar("E", bound=Event)

_registry: dict[str, type[Event]] = {}


def recorded(version: int = 1) -> Callable[[type[E]], type[E]]:
    """Register an event class under its own name with the schema version that new events are written in.

    Raises:
        ValueError: a class of that name is registered already.
    """

    def register(cls: type[E]) -> type[E]:
        if cls.__name__ in _registry:
            raise ValueError(f"event type {cls.__name__} is declared twice")
        cls.schema_version = version
        _registry[cls.__name__] = cls
        return cls

    return register


def event_types() -> dict[str, type[Event]]:
    """Return every registered event class by type name, in the order of declaration."""
    return dict(_registry)


def event_type(name: str) -> type[Event] | None:
    """Return the registered event class of that name, None where there is none."""
    return _registry.get(name)


def personal_fields(cls: type[Event]) -> frozenset[str]:
    """Return the names of the fields of an event class that were declared with `personal`."""
    declared: tuple[Field[Any], ...] = fields(cls)
    return frozenset(f.name for f in declared if f.metadata.get("personal"))
