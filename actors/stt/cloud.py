"""What the cloud engines share: cost, key terms, and the way from an HTTP failure to our error codes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import accumulate

from actors.stt.transcriber import TranscriptionError, TranscriptionErrorCode
from actors.values import SAMPLE_RATE, Pcm

KEEPALIVE_S = 120.0
"""Seconds an idle connection is kept: a counter is often silent for longer than the libraries' 5 s."""
READ_TIMEOUT_S = 120.0
"""Per read and no deadline; the caller's budget is the deadline."""
REHEARSAL_S = 10.0
"""Seconds that warming up may take before the first phrase goes first."""

_CODES: dict[int, TranscriptionErrorCode] = {
    400: "rejected",
    401: "unauthorised",
    402: "unauthorised",
    403: "unauthorised",
    404: "rejected",
    413: "rejected",
    415: "rejected",
    422: "rejected",
    429: "throttled",
    503: "throttled",
}


def wire_bytes(pcm: Pcm) -> bytes:
    """Give the samples as raw little-endian 16-bit PCM."""
    return pcm.astype("<i2", copy=False).tobytes()


def cost_usd(pcm: Pcm, usd_per_hour: float) -> float:
    """Price a phrase by its length."""
    return pcm.size / SAMPLE_RATE / 3600 * usd_per_hour


def usable_keyterms(
    terms: Iterable[str], *, most: int, characters: int, words: int, total: int | None = None
) -> list[str]:
    """Return the first terms that a provider takes.

    Args:
        terms: the most likely first. Those that differ in case alone are the same.
        most: terms.
        characters: of a term.
        words: of a term.
        total: characters of all of them.
    """
    spelled: dict[str, str] = {}
    for term in map(str.strip, terms):
        if len(spelled) == most:
            break  # a whole vocabulary may stand behind, and this is done for every phrase
        if 0 < len(term) <= characters and len(term.split()) <= words:
            spelled.setdefault(term.casefold(), term)
    kept = list(spelled.values())
    lengths = accumulate(map(len, kept))
    return [term for term, length in zip(kept, lengths, strict=True) if total is None or length <= total]


def error_of_status(provider: str, status: int | None, retry_after_s: float | None) -> TranscriptionError:
    """Turn an HTTP status into our error; what isn't known is taken for passing trouble."""
    code = _CODES.get(status or 0, "transient")
    return TranscriptionError(code, f"{provider} answered with status {status}", retry_after_s=retry_after_s)


def retry_after_s(header: str | None, *, now: datetime | None = None) -> float | None:
    """Read a Retry-After header: seconds, or an HTTP date (RFC 9110, section 10.2.3). None when it can't be read."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
