"""A stream of samples pushed through a segmenter in pieces, and what was heard as something that can be compared."""

from itertools import cycle

from actors.vad.segmenter import Segmenter
from actors.values import EarlyPhrase, Heard, Pcm, Phrase, SpeechGivenUp, SpeechWentOn


def everything_heard(segmenter: Segmenter, samples: Pcm, sizes: list[int] | None = None) -> list[Heard]:
    """Push samples in pieces of the given sizes, over and over, or all at once, and flush."""
    out: list[Heard] = []
    at = 0
    for size in cycle(sizes or [len(samples)]):
        if at >= len(samples):
            return out + segmenter.flush()
        out += segmenter.push(samples[at : at + size])
        at += size
    raise AssertionError("unreachable")


def described(events: list[Heard]) -> list[object]:
    """Everything about events, comparable."""
    return [_described(event) for event in events]


def _described(event: Heard) -> tuple[object, ...]:
    match event:
        case EarlyPhrase():
            return ("early", event.offer, _described(event.phrase))
        case SpeechWentOn():
            return ("went on", event.number, event.offer)
        case Phrase():
            what = (event.sample_end, event.cut_reason, event.vad, event.pcm.tobytes(), event.noise.tobytes())
            return ("phrase", event.number, event.sample_start, *what)
        case SpeechGivenUp():
            return ("given up", event.number, event.sample_start, event.sample_end, event.reason)
        case _:
            return ("began", event.number, event.sample_start)
