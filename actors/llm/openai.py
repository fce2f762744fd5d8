"""Understanding by an OpenAI model: one short request for both stages, or one a stage, on the real SDK."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from actors.llm.answers import (
    SaidAll,
    SaidCategories,
    SaidEntities,
    Taxonomy,
    all_schema,
    believed_categories,
    believed_entities,
    categories_schema,
    entities_schema,
    names_of,
)
from actors.llm.openai_replies import error_of, reply_of, text_of, tokens_of
from actors.llm.understanding import UnderstandingError
from actors.values import Classified, Normalised
from events.catalogue import Entity

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

NAME = "openai"
READ_TIMEOUT_S = 120.0
"""Per read and no deadline; the caller's budget is the deadline."""
REHEARSAL_S = 10.0
"""Seconds that opening a connection may take while warming up."""
MAX_OUTPUT_TOKENS = 400
"""An answer of one stage about one sentence needs a quarter of this."""
MAX_OUTPUT_TOKENS_AT_ONCE = 600


@dataclass(frozen=True, slots=True)
class _Question[Answer: BaseModel]:
    """What a model is asked, whatever the sentence.

    Attributes:
        name: of the schema.
        answer: what the answer is read into.
        body: of the request, up to its input, which comes last. Written once: the prompt and the schema are nearly all.
    """

    name: str
    answer: type[Answer]
    body: bytes


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
        at_once: tells of a sentence whether stage 1 asks for stage 2's answer too, which comes as the outcome's
            `placed`; None for never. Not with other instructions than our own, which are for one stage.
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
        at_once: Callable[[str], bool] | None = None,
    ) -> None:
        self.model = model
        self._api_key = api_key
        self._base_url = base_url
        self._taxonomy = taxonomy
        self._price: Mapping[str, float] = (prices or {}).get(model, {})
        given = prompts or {}
        naming = given.get("normalise") or _prompt("normalizar")
        placing = given.get("classify") or _prompt("classificar")
        labels = "\n".join(f"- {macro}: {', '.join(micros)}" for macro, micros in taxonomy.items())
        placing, both = (text.replace("{taxonomia}", labels) for text in (placing, _prompt("entender")))
        self._naming = self._question("normalizar", naming, entities_schema(), SaidEntities)
        self._placing = self._question("classificar", placing, categories_schema(taxonomy), SaidCategories)
        self._both = self._question("entender", both, all_schema(taxonomy), SaidAll, MAX_OUTPUT_TOKENS_AT_ONCE)
        self._at_once = None if given else at_once
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
        if self._at_once is None or not self._at_once(text):
            named, cost = await self._ask(self._naming, {"frase": text}, budget_s)
            return believed_entities(named, text, cost)
        said, cost = await self._ask(self._both, {"frase": text}, budget_s)
        normalised = believed_entities(said, text, cost)
        placed = None
        if names_of(said) == {entity.name for entity in normalised.entities}:
            placed = believed_categories(said, normalised.entities, self._taxonomy, 0.0)
        # Where something was invented, or no category exists, stage 2 will be asked by itself about what is left.
        return normalised if placed is None else replace(normalised, placed=replace(placed, with_stage_1=True))

    async def classify(self, text: str, entities: tuple[Entity, ...], *, budget_s: float) -> Classified:
        """Stage 2; see `Understanding.classify`. Labels outside the taxonomy are dropped.

        Raises:
            UnderstandingError: with every code; `invalid_answer` also where no category given exists.
        """
        asked = {"frase": text, "entidades": [{"tipo": e.kind, "nome": e.name} for e in entities]}
        said, cost = await self._ask(self._placing, asked, budget_s)
        classified = believed_categories(said, entities, self._taxonomy, cost)
        if classified is None:
            raise UnderstandingError("invalid_answer", f"{NAME} gave no category that exists")
        return classified

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
        self._client = self._http = None

    def _question[Answer: BaseModel](
        self,
        name: str,
        instructions: str,
        schema: Mapping[str, Any],
        answer: type[Answer],
        most: int = MAX_OUTPUT_TOKENS,
    ) -> _Question[Answer]:
        form = {"type": "json_schema", "name": name, "strict": True, "schema": schema}
        body = {
            "model": self.model,
            "instructions": instructions,
            "text": {"format": form, "verbosity": "low"},
            "reasoning": {"effort": "none"},
            "max_output_tokens": most,
            "prompt_cache_key": f"balto-{name}-{sha256(instructions.encode()).hexdigest()[:12]}",
            "store": False,
        }
        return _Question(name, answer, _json(body)[:-1] + b',"input":')

    async def _ask[Answer: BaseModel](
        self, question: _Question[Answer], asked: Mapping[str, object], budget_s: float
    ) -> tuple[Answer, float]:
        """Return the answer and its cost in US dollars."""
        try:
            async with asyncio.timeout(budget_s):
                client = await self._connected()
                reply = await self._create(client, question, asked)
        except TimeoutError as error:
            raise UnderstandingError("timeout", f"{NAME} took longer than {budget_s:g} s") from error
        try:
            said = reply_of(reply)
            return question.answer.model_validate_json(text_of(said)), self._cost_usd(said)
        except (ValueError, LookupError, TypeError, AttributeError):
            # Of no JSON, of wrong content, or of another reply than the API has; its text would quote it.
            raise UnderstandingError("invalid_answer", f"{NAME} broke the schema of {question.name}") from None

    async def _create(self, client: "AsyncOpenAI", question: _Question[Any], asked: Mapping[str, object]) -> bytes:
        """Return the body of a good reply.

        Not by `responses.create`, which looks up the type of every field of every request and reply: a third of a call.
        """
        import httpx2  # noqa: PLC0415 - loaded by now
        import openai  # noqa: PLC0415 - the same

        sentence = json.dumps(asked, ensure_ascii=False)
        try:
            reply = await client.post(
                "/responses",
                cast_to=httpx2.Response,
                content=b"%b%b}" % (question.body, _json(sentence)),
                options={"security": {"bearer_auth": True}},
            )
        except openai.APITimeoutError as error:
            raise UnderstandingError("timeout", f"{NAME} did not answer in time") from error
        except openai.APIStatusError as error:
            raise error_of(error) from None
        except openai.APIConnectionError as error:
            raise UnderstandingError("transient", f"the connection to {NAME} failed") from error
        return reply.content

    def _cost_usd(self, reply: Mapping[str, Any]) -> float:
        price = self._price
        tokens = tokens_of(reply) if price else None
        if tokens is None:
            return 0.0
        return (
            tokens.fresh * price["input"]
            + tokens.cached * price.get("cached_input", price["input"])
            + tokens.written * price["output"]
        ) / 1e6

    async def _connected(self) -> "AsyncOpenAI":
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    def _connect(self) -> "AsyncOpenAI":
        import openai  # noqa: PLC0415 - half a second, so in a thread

        from actors.llm.carried import CarriedTransport  # noqa: PLC0415 - stands on the SDK's HTTP

        self._http = openai.DefaultAsyncHttpxClient(timeout=READ_TIMEOUT_S, transport=CarriedTransport())
        return openai.AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._base_url,
            max_retries=0,
            timeout=READ_TIMEOUT_S,
            http_client=self._http,
        )


def _json(value: object) -> bytes:
    """Return JSON as the SDK writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _prompt(name: str) -> str:
    """Return instructions, with the rules that several share in their places."""
    folder = files("actors.llm") / "prompts"
    text = (folder / f"{name}.md").read_text(encoding="utf-8")
    for shared in ("entidades", "categorias"):
        text = text.replace(f"{{{shared}}}\n", (folder / f"{shared}.md").read_text(encoding="utf-8"))
    return text
