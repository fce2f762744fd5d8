"""Python's garbage collector, kept from looking through what is there to stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_off() -> Iterator[None]:
    """Collect nothing within the block, and nothing of what it made: for a start, whose every object stays.

    Looking through modules and vocabulary while they grow would find nothing, and take a tenth of the start's CPU.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if before:
            gc.enable()


def settle_down() -> None:
    """Spare the collector from now on what a start has made.

    A full collection that looks through the vocabulary and all modules stops the loop for a tenth of a second. Nothing
    is collected before either: a start leaves a few thousand objects of garbage, of hundreds of thousands that stay.
    """
    gc.freeze()
    gc.enable()
