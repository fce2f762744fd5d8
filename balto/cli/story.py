"""A session's events as a person reads them: what was heard, understood and suggested."""

from collections.abc import Iterable
from typing import Any

from balto.cli.common import out
from events.catalogue import (
    BasketResolved,
    ClassificationCompleted,
    Event,
    PhraseCaptured,
    PhraseDiscarded,
    PhraseGathered,
    RecommendationWithheld,
    TranscriptionReceived,
    TranscriptionRejected,
)


def told(events: Iterable[Event]) -> dict[str, Any]:
    """Return phrases with their transcripts and outcomes, for machines."""
    phrases: dict[int, dict[str, Any]] = {}
    for event in events:
        match event:
            case PhraseCaptured():
                phrases[event.phrase] = {
                    "phrase": event.phrase,
                    "start_ms": event.sample_start / 16,
                    "end_ms": event.sample_end / 16,
                    "cut_reason": event.cut_reason,
                }
            case TranscriptionReceived():
                phrases[event.phrase]["text"] = event.text
            case TranscriptionRejected():
                phrases[event.phrase]["rejected"] = event.reason
            case ClassificationCompleted() if event.categories:
                first = event.categories[0]
                phrases[event.phrase] |= {"macro": first.macro, "micro": first.micro}
            case BasketResolved():
                phrases[event.phrase] |= {
                    "basket": event.basket,
                    "items": [{"sugestao": i.sugestao, "explicacao": i.explicacao} for i in event.items],
                }
            case PhraseGathered():
                phrases[event.phrase]["gathered_into"] = event.into
            case RecommendationWithheld() if event.reason != "client_left":
                phrases[event.phrase]["withheld"] = event.reason
            case _:
                continue
    return {"phrases": list(phrases.values())}


def captions(events: Iterable[Event]) -> list[tuple[int, int, str]]:
    """Return each phrase's first sample, the one past its last, and its number and transcript."""
    phrases: dict[int, tuple[int, int, str]] = {}
    for event in events:
        match event:
            case PhraseCaptured():
                phrases[event.phrase] = (event.sample_start, event.sample_end, str(event.phrase))
            case TranscriptionReceived():
                start, end, _ = phrases[event.phrase]
                phrases[event.phrase] = (start, end, f"{event.phrase} {event.text}")
            case _:
                continue
    return list(phrases.values())


def tell(events: Iterable[Event]) -> None:
    """Print a session's events as a conversation with its recommendations."""
    captured: dict[int, PhraseCaptured] = {}
    for event in events:
        match event:
            case PhraseCaptured():
                captured[event.phrase] = event
            case PhraseDiscarded():
                out.print(f"{event.sample_start / 16000:7.2f} s  [dim]discarded: {event.reason}[/dim]")
            case TranscriptionReceived():
                out.print(f"{captured[event.phrase].sample_start / 16000:7.2f} s  “{event.text}”", markup=False)
            case TranscriptionRejected():
                start = captured[event.phrase].sample_start / 16000
                out.print(f"{start:7.2f} s  [dim]not believed: {event.reason}[/dim]")
            case BasketResolved():
                show_recommendation(event.basket, [(i.sugestao, i.explicacao) for i in event.items])
            case _:
                continue


def show_recommendation(basket: str, items: Iterable[tuple[str, str]]) -> None:
    """Print one recommendation."""
    out.print(f"           [bold green]→ {basket}[/bold green]")
    for suggestion, reason in items:
        out.print(f"             [green]•[/green] [bold]{suggestion}[/bold]  [dim]{reason}[/dim]", soft_wrap=True)
