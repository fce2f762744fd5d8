"""The soak looks at what is left once all that is kept for the next session had time to be let go of."""

from typing import Any

import pytest
from rich.progress import Progress

from benchmarks.live import soak


class Hands:
    """A clock that sleeping moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.mark.parametrize(("let_go_at_s", "left", "looked_at_s"), [(121.0, 0, 125.0), (0.0, 0, 5.0), (1e9, 13, 130.0)])
def test_it_waits_for_open_files_as_long_as_connections_are_kept(
    monkeypatch: pytest.MonkeyPatch, let_go_at_s: float, left: int, looked_at_s: float
) -> None:
    clock = Hands()

    def look(_tree: object, at_s: float) -> dict[str, float]:
        return {"at_s": at_s, "files": 100 + (13 if clock.now < let_go_at_s else 0)}

    tree: Any = None
    monkeypatch.setattr(soak, "time", clock)
    monkeypatch.setattr(soak, "_look", look)
    seen = soak._once_let_go(tree, {"files": 100}, 0.0, Progress(disable=True))
    assert (seen["files"] - 100, seen["at_s"]) == (left, looked_at_s)
