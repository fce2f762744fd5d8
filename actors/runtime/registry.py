"""Pykka's registry on a dict: the same class and the same lookups, without a walk through all actors at every stop."""

import threading
from collections.abc import Iterator
from typing import Any, SupportsIndex, overload

import pykka


class RefTable:
    """Stands where `pykka.ActorRegistry` keeps its list, and answers to what the registry does with it.

    The registry's lookups, its order and `stop_all` stay Pykka's own, for Balto's actors and plain ones alike; adding,
    finding and removing a ref take the same time however many there are. The registry's lock guards it.
    """

    def __init__(self, refs: list[pykka.ActorRef[Any]]) -> None:
        self._by_urn: dict[str, pykka.ActorRef[Any]] = {ref.actor_urn: ref for ref in refs}

    def append(self, ref: pykka.ActorRef[Any]) -> None:
        """Add a ref."""
        self._by_urn[ref.actor_urn] = ref

    def remove(self, ref: pykka.ActorRef[Any]) -> None:
        """Remove a ref. Raises `ValueError` when it is not there."""
        if self._by_urn.pop(ref.actor_urn, None) is None:
            raise ValueError(f"{ref} is not registered")

    def find(self, urn: str) -> pykka.ActorRef[Any] | None:
        """Return the ref of an actor by its URN."""
        return self._by_urn.get(urn)

    def __contains__(self, ref: object) -> bool:
        return isinstance(ref, pykka.ActorRef) and ref.actor_urn in self._by_urn

    def __iter__(self) -> Iterator[pykka.ActorRef[Any]]:
        return iter(list(self._by_urn.values()))

    def __len__(self) -> int:
        return len(self._by_urn)

    @overload
    def __getitem__(self, index: SupportsIndex) -> pykka.ActorRef[Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[pykka.ActorRef[Any]]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> pykka.ActorRef[Any] | list[pykka.ActorRef[Any]]:
        return list(self._by_urn.values())[index]


def _lock() -> "threading.RLock":
    return pykka.ActorRegistry._actor_refs_lock  # noqa: SLF001 - Pykka's lookups hold it


def install() -> RefTable:
    """Put the table in the place of Pykka's list, once, with the actors that are registered already."""
    # The name is Pykka's own; `setattr` and `getattr`, since to Pykka the table is a list.
    with _lock():
        table = getattr(pykka.ActorRegistry, "_actor_refs")  # noqa: B009 - as above
        if not isinstance(table, RefTable):
            table = RefTable(table)
            setattr(pykka.ActorRegistry, "_actor_refs", table)  # noqa: B010 - as above
        return table


def register(ref: pykka.ActorRef[Any]) -> None:
    """Do what `pykka.ActorRegistry.register` does, but for composing a line for the log."""
    table = getattr(pykka.ActorRegistry, "_actor_refs")  # noqa: B009 - as in `install`
    if type(table) is not RefTable:
        table = install()
    # Without the lock: a dict takes one more at once, and lookups go through a copy of it.
    table.append(ref)


def find(urn: str) -> pykka.ActorRef[Any] | None:
    """Return the ref of a live actor by its URN, at once; `pykka.ActorRegistry.get_by_urn` looks at each."""
    return install().find(urn)
