"""What OpenAI's replies mean: the text of a good one, and our error for every other."""

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from actors.llm.understanding import UnderstandingError, UnderstandingErrorCode

if TYPE_CHECKING:
    from openai import APIStatusError
    from openai.types.responses import Response

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


def text_of(reply: "Response") -> str:
    """Return the text of a whole answer.

    Raises:
        UnderstandingError: it is a refusal, cut short, failed, or no answer at all.
    """
    output: Sequence[Any] | None = getattr(reply, "output", None)
    if not isinstance(output, list):
        raise UnderstandingError("invalid_answer", "openai answered with something else than a response")
    if reply.status == "incomplete":
        reason = reply.incomplete_details.reason if reply.incomplete_details else None
        code: UnderstandingErrorCode = "refused" if reason == "content_filter" else "truncated"
        raise UnderstandingError(code, "openai left its answer incomplete")
    if reply.status == "failed":
        raise UnderstandingError("transient", "openai failed to answer")
    parts = [part for item in output if item.type == "message" for part in item.content or ()]
    if any(part.type == "refusal" for part in parts):
        raise UnderstandingError("refused", "openai refused to answer")
    text = "".join(part.text or "" for part in parts if part.type == "output_text")
    if not text:
        raise UnderstandingError("invalid_answer", "openai gave an empty answer")
    return text


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
