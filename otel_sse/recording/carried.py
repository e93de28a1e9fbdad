"""The streams of this process that a handle names, so that work elsewhere in it finds the very stream."""

from __future__ import annotations

import threading
import weakref
from collections import deque

from otel_sse import limits
from otel_sse.recording import fork
from otel_sse.recording.live_stream import Stream


class CarriedStreams:
    """Streams by their ids, as long as somebody holds them. It is bounded: the oldest is forgotten first.

    The latest few are held here: a job may be over before anybody asks for what it has made.
    """

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """Forget the parent's streams: they go on there."""
        self._lock = threading.Lock()
        self._streams: weakref.WeakValueDictionary[str, Stream] = weakref.WeakValueDictionary()
        self._held: deque[Stream] = deque(maxlen=limits.MAX_HELD_STREAMS)

    def add(self, stream: Stream) -> None:
        """Keep a stream, whose work is carried elsewhere from now on."""
        stream.carried = True
        with self._lock:
            # Behind all others, as the latest.
            self._streams.pop(stream.id, None)
            while len(self._streams) >= limits.MAX_CARRIED_STREAMS:
                self._streams.pop(next(iter(self._streams.keys())), None)
            self._streams[stream.id] = stream
            others = [each for each in self._held if each is not stream and not each.recorder.closed]
            self._held = deque([*others, stream], limits.MAX_HELD_STREAMS)

    def find(self, stream_id: str) -> Stream | None:
        """Return the stream of an id, or None where this process has none, or nobody holds it any more."""
        return self._streams.get(stream_id)

    def __len__(self) -> int:
        return len(self._streams)


carried_streams = CarriedStreams()
"""Those of this process."""
fork.watch(carried_streams)
