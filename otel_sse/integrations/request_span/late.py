"""Spans that end on the recorder's thread: an exporter's work is not the event loop's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Tracer, TracerProvider

from otel_sse.iterators.object_proxy import ObjectProxy
from otel_sse.recording.recorder import Recorder


def _until_the_end(name: str) -> Callable[..., None]:
    def write(span: LateSpan, *args: Any, **kwargs: Any) -> None:
        if not span._self_ended:
            getattr(span.__wrapped__, name)(*args, **kwargs)

    return write


class LateSpan(ObjectProxy):
    """A span that takes the time of its end at once, and ends on the recorder's thread. It is over from then on.

    Args:
        span: The span itself, which it is in all other respects.
        recorder: Whose thread ends it; once it is closed, the span ends at once.
        begun_with: The attributes that it was started with. Contrib sets each of them again, which costs as much as
            all that is done here, and so is left out.
    """

    def __init__(self, span: Span, recorder: Recorder, begun_with: dict[str, Any]) -> None:
        super().__init__(span)
        self._self_begun_with = begun_with
        self._self_recorder = recorder
        self._self_ended = False
        self._self_pending: list[int] = []

    def set_attribute(self, key: str, value: Any) -> None:
        if self._self_begun_with.pop(key, self) is not value and not self._self_ended:
            self.__wrapped__.set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        self._self_begun_with.clear()
        if not self._self_ended:
            self.__wrapped__.set_attributes(attributes)

    def is_recording(self) -> bool:
        return not self._self_ended and bool(self.__wrapped__.is_recording())

    def end(self, end_time: int | None = None) -> None:
        if self._self_ended:
            return
        self._self_ended = True
        self._self_pending.append(time_ns() if end_time is None else end_time)
        if self._self_recorder.closed:
            # Nobody looks again, and its provider may be about to shut down.
            self._end()
        else:
            self._self_recorder.background.defer(self._end)

    def _end(self) -> None:
        try:
            end_ns = self._self_pending.pop()
        except IndexError:
            return
        self.__wrapped__.end(end_ns)

    add_event = _until_the_end("add_event")
    add_link = _until_the_end("add_link")
    record_exception = _until_the_end("record_exception")
    set_status = _until_the_end("set_status")
    update_name = _until_the_end("update_name")


class _LateTracer(ObjectProxy):
    """A tracer whose spans are such spans."""

    def __init__(self, wrapped: Tracer, recorder: Recorder) -> None:
        super().__init__(wrapped)
        self._self_recorder = recorder

    def start_span(self, *args: Any, attributes: Any = None, **kwargs: Any) -> Any:
        span = self.__wrapped__.start_span(*args, attributes=attributes, **kwargs)
        return LateSpan(span, self._self_recorder, dict(attributes or {})) if span.is_recording() else span


class LateTracerProvider(TracerProvider):
    """Makes tracers whose spans end on the recorder's thread.

    Args:
        provider: Where the spans go; the global provider where None, also if that is set later.
        recorder: Whose thread.
    """

    def __init__(self, provider: TracerProvider | None, recorder: Recorder) -> None:
        self._provider = provider
        self._recorder = recorder

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """Return a tracer."""
        tracer = trace.get_tracer(
            instrumenting_module_name, instrumenting_library_version, self._provider, schema_url, attributes
        )
        late: Any = _LateTracer(tracer, self._recorder)
        return late  # type: ignore[no-any-return]
