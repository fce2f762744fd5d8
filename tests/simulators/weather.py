"""How a simulated provider feels today: latencies by published quantiles, hangs and errors, drawn from a seed."""

import itertools
import random
from dataclasses import dataclass, field


@dataclass
class Weather:
    """Draws one call after another; the same seed gives the same calls.

    Attributes:
        p50_ms: half of the calls take at most this.
        p95_ms: and 95% this.
        p99_ms: and 99% this; the rest up to a fifth more.
        hangs: share of calls that stay silent for `hang_s`, then answer.
        errors: share that answer 500.
        seed: of the draws.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    hangs: float = 0.04
    errors: float = 0.02
    hang_s: float = 4.0
    seed: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def draw(self) -> tuple[float, bool]:
        """Return the seconds that a call takes, and whether it ends in an error."""
        luck = self._random.random()
        latency_s = self._latency_ms(self._random.random()) / 1000
        if luck < self.hangs:
            return self.hang_s, False
        return latency_s, luck < self.hangs + self.errors

    def _latency_ms(self, rank: float) -> float:
        known = [(0.0, 0.75 * self.p50_ms), (0.5, self.p50_ms), (0.95, self.p95_ms), (0.99, self.p99_ms)]
        known.append((1.0, 1.2 * self.p99_ms))
        for (low, least), (high, most) in itertools.pairwise(known):
            if rank <= high:
                return least + (most - least) * (rank - low) / (high - low)
        return most


ELEVENLABS = (281.0, 348.0, 407.0)
"""Published latencies of final transcripts in ms: median, 95% and 99%."""
ASSEMBLYAI = (256.0, 362.0, 417.0)
"""The same."""
SMALL_MODEL = (350.0, 700.0, 1500.0)
"""Assumed of a small language model, a stage."""
BOTH_STAGES = 1.3
"""Assumed: the time of an answer to both stages over that to one. It is half as long again, and begins as late."""
