"""A trace a phrase for OpenTelemetry: one span for it, one for each hop, with the ids of the events that end them."""

from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from balto.telemetry.figures import outcome_of
from balto.telemetry.hops import calls, hops
from balto.telemetry.stories import Story

_ANSWERED: Final = ("answered", "rejected")


class TracingError(Exception):
    """Spans cannot be sent: the extra `trace` is not installed, or the address is none."""


class Traces:
    """Turns stories into spans. Each is made when its phrase is over, with the times at which it happened.

    What it tells of is in the clear in the ledger anyway: ids, engines, outcomes, times. No words, no keys.

    Args:
        provider: an OpenTelemetry TracerProvider.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - an extra

        self._provider = provider
        self._tracer = provider.get_tracer("balto")
        self._trace = trace

    @classmethod
    def sending_to(cls, endpoint: str, *, version: str) -> "Traces":
        """Send spans in batches, from a thread of their own, by OTLP over HTTP.

        Args:
            endpoint: such as `http://collector:4318/v1/traces`.
            version: of this program.

        Raises:
            TracingError: the extra is not installed, or this is no address.
        """
        if urlsplit(endpoint).scheme not in ("http", "https"):
            raise TracingError("BALTO_TRACE_URL is no http address")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        except ImportError:
            raise TracingError("BALTO_TRACE_URL needs OpenTelemetry: install the extra `trace`") from None
        provider = TracerProvider(resource=Resource.create({"service.name": "balto", "service.version": version}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
        return cls(provider)

    def close(self) -> None:
        """Send what is left and stop. Blocks for as long as that takes."""
        self._provider.shutdown()

    def take(self, story: Story) -> None:
        """Make the spans of a phrase."""
        first, last = story.events[0], story.events[-1]
        about = {
            "balto.session_id": story.session_id,
            "balto.phrase": story.phrase,
            "balto.tenant": story.tenant,
            "balto.outcome": outcome_of(story),
            "balto.correlation_id": str(first.correlation_id or ""),
        }
        began = _ns(first.occurred_at)
        whole = self._tracer.start_span("phrase", start_time=began, attributes=about | _ids(first, last))
        context = self._trace.set_span_in_context(whole)
        failed = [call for call in calls(story) if call.outcome not in _ANSWERED]
        for name, end, ms, more in (
            *((hop.name, hop.end, hop.ms, {}) for hop in hops(story) if hop.name != "total"),
            *((c.hop, c.end, c.ms, {"balto.engine": c.engine, "error.type": c.outcome}) for c in failed),
        ):
            ended = _ns(end.occurred_at)
            span = self._tracer.start_span(
                name,
                context=context,
                start_time=ended - int(max(ms, 0.0) * 1e6),
                attributes={"balto.event_id": str(end.event_id), "balto.event": type(end.event).__name__, **more},
            )
            if more:
                span.set_status(self._trace.StatusCode.ERROR)
            span.end(end_time=ended)
        whole.end(end_time=max(_ns(last.occurred_at), began))


def _ids(first: Any, last: Any) -> dict[str, str]:
    return {"balto.first_event_id": str(first.event_id), "balto.last_event_id": str(last.event_id)}


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1e6) * 1_000
