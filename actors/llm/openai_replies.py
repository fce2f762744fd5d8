"""What OpenAI's replies mean: the text of a good one and what it cost, and our error for every other."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from actors.llm.understanding import UnderstandingError, UnderstandingErrorCode

if TYPE_CHECKING:
    from openai import APIStatusError

_CODES: Mapping[int, UnderstandingErrorCode] = {
    400: "rejected",
    401: "unauthorised",
    402: "unauthorised",
    403: "unauthorised",
    404: "rejected",
    413: "rejected",
    422: "rejected",
    429: "throttled",
    503: "throttled",
}
_EXHAUSTED = "insufficient_quota"
"""A 429 that no waiting mends."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a reply is billed for."""

    fresh: int
    """Read, and not found in the provider's cache."""
    cached: int
    """Read from it."""
    written: int


def reply_of(body: bytes) -> Mapping[str, Any]:
    """Return a reply of the Responses API.

    Raises:
        UnderstandingError: the body is something else.
        ValueError: it is no JSON at all.
    """
    # Not by orjson, which refuses half a surrogate pair: it is left out where the answer is recorded.
    reply = json.loads(body)
    if not isinstance(reply, dict) or not isinstance(reply.get("output"), list):
        raise UnderstandingError("invalid_answer", "openai answered with something else than a response")
    return reply


def text_of(reply: Mapping[str, Any]) -> str:
    """Return the text of a whole answer.

    Raises:
        UnderstandingError: it is a refusal, cut short, failed, or empty.
        LookupError, TypeError, AttributeError: the API has no such reply.
    """
    status = reply.get("status")
    if status == "incomplete":
        reason = (reply.get("incomplete_details") or {}).get("reason")
        code: UnderstandingErrorCode = "refused" if reason == "content_filter" else "truncated"
        raise UnderstandingError(code, "openai left its answer incomplete")
    if status == "failed":
        raise UnderstandingError("transient", "openai failed to answer")
    parts = [part for item in reply["output"] if item["type"] == "message" for part in item["content"] or ()]
    if any(part["type"] == "refusal" for part in parts):
        raise UnderstandingError("refused", "openai refused to answer")
    text = "".join(part["text"] or "" for part in parts if part["type"] == "output_text")
    if not text:
        raise UnderstandingError("invalid_answer", "openai gave an empty answer")
    return text


def tokens_of(reply: Mapping[str, Any]) -> Tokens | None:
    """Return what a reply is billed for, None where it does not tell.

    Raises:
        LookupError, TypeError, AttributeError: it tells in another way than the API's.
    """
    usage = reply.get("usage")
    if usage is None:
        return None
    details = usage.get("input_tokens_details")
    cached = details["cached_tokens"] if details is not None else 0
    return Tokens(usage["input_tokens"] - cached, cached, usage["output_tokens"])


def error_of(error: "APIStatusError") -> UnderstandingError:
    """Turn an HTTP failure into our error; what isn't known is taken for passing trouble."""
    status = error.status_code
    code = "unauthorised" if error.code == _EXHAUSTED else _CODES.get(status, "transient")
    message = f"openai answered with status {status}"
    return UnderstandingError(code, message, retry_after_s=_retry_after_s(error.response.headers))


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a reply asks to wait, from `retry-after-ms` or `Retry-After`; None without them.

    `Retry-After` may be a number or an HTTP date (RFC 9110, section 10.2.3).
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with contextlib.suppress(KeyError, ValueError):
            return max(0.0, float(headers[name]) / unit)
    with contextlib.suppress(KeyError, ValueError):
        moment = parsedate_to_datetime(headers["retry-after"])
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.now(UTC)).total_seconds())
    return None
