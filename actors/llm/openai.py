"""Understanding by an OpenAI model: one short request a stage, on the real SDK."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from actors.llm.answers import (
    SaidCategories,
    SaidEntities,
    Taxonomy,
    believed_categories,
    believed_entities,
    categories_schema,
    entities_schema,
)
from actors.llm.understanding import UnderstandingError, UnderstandingErrorCode
from actors.values import Classified, Normalised
from events.catalogue import Entity

if TYPE_CHECKING:
    import httpx2
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.responses import Response

NAME = "openai"
KEEPALIVE_S = 120.0
"""Seconds an idle connection is kept: a counter is often silent for longer than the library's 5 s."""
READ_TIMEOUT_S = 120.0
"""Per read and no deadline; the caller's budget is the deadline."""
REHEARSAL_S = 10.0
"""Seconds that opening a connection may take while warming up."""
MAX_OUTPUT_TOKENS = 400
"""An answer about one sentence needs a quarter of this."""

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

Answer = TypeVar("Answer", bound=BaseModel)


class OpenAIUnderstanding:
    """The `Understanding` port over OpenAI's Responses API.

    The SDK never retries, and the provider is asked to store nothing. Errors that come from a reply have no
    `__cause__`, since the SDK's texts quote the reply, and a reply may quote speech.

    Args:
        api_key: sent as a bearer token.
        model: such as `gpt-6-luna`.
        base_url: another server than the provider's, with its `/v1`; None for the provider's.
        taxonomy: the labels that stage 2 may choose from.
        prices: by model, US dollars per million tokens: `input`, `cached_input`, `output`. A model that isn't
            there costs 0.
        prompts: other instructions than our own, by stage: `normalise`, `classify`, the latter with `{taxonomia}` where
            the labels go.
    """

    engine = NAME

    def __init__(
        self,
        api_key: str,
        model: str,
        base_url: str | None = None,
        *,
        taxonomy: Taxonomy,
        prices: Mapping[str, Any] | None = None,
        prompts: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self._api_key = api_key
        self._base_url = base_url
        self._taxonomy = taxonomy
        self._price: Mapping[str, float] = (prices or {}).get(model, {})
        given = prompts or {}
        self._normalising = given.get("normalise") or _prompt("normalizar.md")
        labels = "\n".join(f"- {macro}: {', '.join(micros)}" for macro, micros in taxonomy.items())
        self._classifying = (given.get("classify") or _prompt("classificar.md")).replace("{taxonomia}", labels)
        self._entities_schema = entities_schema()
        self._categories_schema = categories_schema(taxonomy)
        self._client: AsyncOpenAI | None = None
        self._http: httpx2.AsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def warm(self) -> None:
        """Import the SDK in a thread and open a connection.

        Never fails for want of a network: the first sentence will meet and report that.
        """
        client = await self._connected()
        if self._http is not None:
            with contextlib.suppress(Exception):  # whatever ails the network is the first sentence's to report
                async with asyncio.timeout(REHEARSAL_S):
                    await self._http.head(str(client.base_url))

    async def normalise(self, text: str, *, budget_s: float) -> Normalised:
        """Stage 1; see `Understanding.normalise`. Entities whose proof is not in the text are dropped.

        Raises:
            UnderstandingError: with every code.
        """
        said, cost = await self._ask(
            "normalizar", self._normalising, {"frase": text}, self._entities_schema, SaidEntities, budget_s
        )
        return believed_entities(said, text, cost)

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        """Stage 2; see `Understanding.classify`. Labels outside the taxonomy are dropped.

        Raises:
            UnderstandingError: with every code; `invalid_answer` also where no category given exists.
        """
        asked = {"frase": text, "entidades": [{"tipo": e.kind, "nome": e.name} for e in entities]}
        said, cost = await self._ask(
            "classificar", self._classifying, asked, self._categories_schema, SaidCategories, budget_s
        )
        classified = believed_categories(said, entities, self._taxonomy, cost)
        if classified is None:
            raise UnderstandingError("invalid_answer", f"{NAME} gave no category that exists")
        return classified

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
        self._client = self._http = None

    async def _ask(
        self,
        stage: str,
        instructions: str,
        asked: Mapping[str, object],
        schema: dict[str, Any],
        answer: type[Answer],
        budget_s: float,
    ) -> tuple[Answer, float]:
        """Return a stage's answer and its cost in US dollars."""
        try:
            async with asyncio.timeout(budget_s):
                client = await self._connected()
                reply = await self._create(client, stage, instructions, asked, schema)
        except TimeoutError as error:
            raise UnderstandingError("timeout", f"{NAME} took longer than {budget_s:g} s") from error
        try:
            return answer.model_validate_json(_text_of(reply)), self._cost_usd(reply)
        except (ValidationError, AttributeError, TypeError):
            # Of wrong content, or of a reply that the SDK built unchecked; either text would quote it.
            raise UnderstandingError("invalid_answer", f"{NAME} broke the schema of {stage}") from None

    async def _create(
        self,
        client: "AsyncOpenAI",
        stage: str,
        instructions: str,
        asked: Mapping[str, object],
        schema: dict[str, Any],
    ) -> "Response":
        import openai  # noqa: PLC0415 - loaded by now

        try:
            return await client.responses.create(
                model=self.model,
                instructions=instructions,
                input=json.dumps(asked, ensure_ascii=False),
                extra_body={"text": _format(stage, schema)},
                reasoning={"effort": "none"},
                max_output_tokens=MAX_OUTPUT_TOKENS,
                prompt_cache_key=f"balto-{stage}-{sha256(instructions.encode()).hexdigest()[:12]}",
                store=False,
            )
        except openai.APITimeoutError as error:
            raise UnderstandingError("timeout", f"{NAME} did not answer in time") from error
        except openai.APIStatusError as error:
            raise _error_of(error) from None
        except openai.APIConnectionError as error:
            raise UnderstandingError("transient", f"the connection to {NAME} failed") from error
        except (openai.APIError, json.JSONDecodeError, UnicodeDecodeError):
            raise UnderstandingError("invalid_answer", f"{NAME} answered with no JSON") from None

    def _cost_usd(self, reply: "Response") -> float:
        usage, price = reply.usage, self._price
        if usage is None or not price:
            return 0.0
        details = usage.input_tokens_details
        cached = details.cached_tokens if details is not None else 0
        fresh = usage.input_tokens - cached
        return (
            fresh * price["input"]
            + cached * price.get("cached_input", price["input"])
            + usage.output_tokens * price["output"]
        ) / 1e6

    async def _connected(self) -> "AsyncOpenAI":
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    def _connect(self) -> "AsyncOpenAI":
        import httpx2  # noqa: PLC0415 - half a second with the SDK, so in a thread
        import openai  # noqa: PLC0415 - the same

        self._http = openai.DefaultAsyncHttpxClient(
            timeout=READ_TIMEOUT_S, limits=httpx2.Limits(keepalive_expiry=KEEPALIVE_S)
        )
        return openai.AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            max_retries=0,
            timeout=READ_TIMEOUT_S,
            http_client=self._http,
        )


def _format(stage: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the answer must look like.

    It goes in as an extra of the body: as an argument the SDK walks every node of the schema, for 0.1 ms of CPU a call.
    """
    return {"format": {"type": "json_schema", "name": stage, "strict": True, "schema": schema}, "verbosity": "low"}


def _prompt(name: str) -> str:
    return (files("actors.llm") / "prompts" / name).read_text(encoding="utf-8")


def _text_of(reply: "Response") -> str:
    """Return the text of a whole answer.

    Raises:
        UnderstandingError: it is a refusal, cut short, failed, or no answer at all.
    """
    output: Sequence[Any] | None = getattr(reply, "output", None)
    if not isinstance(output, list):
        raise UnderstandingError("invalid_answer", f"{NAME} answered with something else than a response")
    if reply.status == "incomplete":
        reason = reply.incomplete_details.reason if reply.incomplete_details else None
        code: UnderstandingErrorCode = "refused" if reason == "content_filter" else "truncated"
        raise UnderstandingError(code, f"{NAME} left its answer incomplete")
    if reply.status == "failed":
        raise UnderstandingError("transient", f"{NAME} failed to answer")
    parts = [part for item in output if item.type == "message" for part in item.content or ()]
    if any(part.type == "refusal" for part in parts):
        raise UnderstandingError("refused", f"{NAME} refused to answer")
    text = "".join(part.text or "" for part in parts if part.type == "output_text")
    if not text:
        raise UnderstandingError("invalid_answer", f"{NAME} gave an empty answer")
    return text


def _error_of(error: "APIStatusError") -> UnderstandingError:
    """Turn an HTTP failure into our error; what isn't known is taken for passing trouble."""
    status = error.status_code
    code = "unauthorised" if error.code == _EXHAUSTED else _CODES.get(status, "transient")
    message = f"{NAME} answered with status {status}"
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
