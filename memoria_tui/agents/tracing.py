"""Traces for OpenTelemetry: what requests and calls are and how long they take, never what they are about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from opentelemetry import trace
from opentelemetry.context import Context

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_QUERY = "url.query"


def can_send_traces() -> bool:
    """Whether what the extra «otel» installs is there."""
    return all(find_spec(f"opentelemetry.{name}") for name in ("sdk", "exporter"))


@asynccontextmanager
async def traces_sent() -> AsyncIterator[None]:
    """Sends the spans of this process meanwhile to the collector that the environment names; the last at the end."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class Redacting(SpanProcessor):
        """What is searched for stays here."""

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            if _QUERY in (span.attributes or {}):
                span.set_attribute(_QUERY, "REDACTED")

    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown"):
        resource = resource.merge(Resource({SERVICE_NAME: "memoria-tui"}))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(Redacting())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        await asyncio.to_thread(provider.shutdown)
