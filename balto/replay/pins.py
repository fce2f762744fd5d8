"""Pins: answers given in a file, which stand for those of the engines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from actors.values import SAMPLE_RATE, Classified, Normalised
from events.catalogue import Category, Entity, EntityKind

_SLACK: Final = 320
"""Milliseconds by which a phrase may begin or end elsewhere than the file says."""


class PinsError(Exception):
    """A file of pins cannot be used; the message is one line."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Transcript(_Strict):
    start_ms: float
    end_ms: float
    text: str


class _Entity(_Strict):
    kind: EntityKind
    name: str


class _Normalised(_Strict):
    text: str
    entities: list[_Entity]


class _Category(_Strict):
    macro: str
    micro: str | None = None


class _Classified(_Strict):
    text: str
    categories: list[_Category]
    anchors: list[str] = []


class _File(_Strict):
    transcripts: list[_Transcript] = []
    normalised: list[_Normalised] = []
    classified: list[_Classified] = []


@dataclass(frozen=True, slots=True)
class Pins:
    """What a file gives: transcripts by place, and answers of either stage of understanding by text."""

    file: _File

    @classmethod
    def read(cls, path: Path) -> "Pins":
        """Read a file of pins.

        Raises:
            PinsError: it is not there, or is no such file.
        """
        try:
            return cls(_File.model_validate_json(path.read_bytes()))
        except OSError as error:
            raise PinsError(f"{path} cannot be read: {error.strerror}") from error
        except ValidationError as error:
            # The file may quote what was said, and so would the whole message.
            first = error.errors(include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise PinsError(f"{path}: {place}: {first['msg']}") from None

    @property
    def of_transcription(self) -> bool:
        """Whether any transcript is given."""
        return bool(self.file.transcripts)

    @property
    def of_understanding(self) -> bool:
        """Whether any answer of understanding is given."""
        return bool(self.file.normalised or self.file.classified)

    def transcript(self, place: tuple[int, int]) -> str | None:
        """Return the text of a phrase, by its first sample and one past its last; None where none is given."""
        start, end = (sample * 1000 / SAMPLE_RATE for sample in place)
        for pin in self.file.transcripts:
            if abs(pin.start_ms - start) <= _SLACK and abs(pin.end_ms - end) <= _SLACK:
                return pin.text
        return None

    def normalised(self, text: str) -> Normalised | None:
        """Return what stage 1 makes of a text."""
        for pin in self.file.normalised:
            if pin.text == text:
                entities = (Entity(kind=e.kind, name=e.name, span=e.name, score=1.0) for e in pin.entities)
                return Normalised(entities=tuple(entities))
        return None

    def classified(self, text: str) -> Classified | None:
        """Return what stage 2 makes of a text."""
        for pin in self.file.classified:
            if pin.text == text:
                categories = tuple(Category(macro=c.macro, micro=c.micro) for c in pin.categories)
                return Classified(categories=categories, anchors=tuple(pin.anchors), confidence=1.0)
        return None
