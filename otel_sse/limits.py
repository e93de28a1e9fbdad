"""Every cap of the package, with its unit and its reason.

Nothing in otel_sse grows with the length of a stream (DESIGN.md section 7.4);
what could grow is cut off by one of these numbers. Each one is tested at the
cap and one past it.
"""

from __future__ import annotations

from typing import Final

MAX_EVENT_BYTES: Final = 1_048_576
"""Bytes of one SSE line or event that the parser keeps; what is longer is reported and skipped.
1 MiB: browsers have no limit, aiohttp's and httpx-sse's readers stop at 64 KiB to 1 MiB a line."""

MAX_FORETOLD_BYTES: Final = 4_096
"""Bytes of a last body that are read before it is sent, so that the request's span, which ends with it, can say how the
stream ended. Last bodies are empty or one event; the worst that so many bytes can hold takes about 5 ms to read, and a
larger body is sent first."""

MAX_NAME_CHARS: Final = 64
"""Characters of a peer's text (a field name, an event type, an id) that any report may quote."""

MAX_FINDINGS_PER_STREAM: Final = 100
"""Findings of one stage that become events; the rest is counted only."""

MAX_PACK_CHUNKS: Final = 32
"""Chunks in one event at detail `packed`: 32 digests are about 0.5 KB, below Tempo's cut of 2,048 bytes."""

MAX_SEGMENT_EVENTS: Final = 1_000
"""Events of one span where the provider sets no limit: about 180 KB, far below gRPC's 4 MiB a message."""

DEFAULT_SPAN_EVENT_LIMIT: Final = 128
"""OpenTelemetry's default for events per span (specification, "Span Limits"), for a provider that does not say."""

MAX_QUEUED_CHUNKS: Final = 8_192
"""Chunks of one stage that wait for the recorder by default: 1.6 s of 5,000 chunks a second, about 2.5 MB at most."""

MAX_WAITING_ENTRIES: Final = 262_144
"""Entries of all stages together that wait for a recorder that is slow or hangs: about 80 MB. OpenTelemetry's own queue
holds as many events by default: 2,048 spans of 128."""

MAX_ENDED_STAGES: Final = 16_384
"""Stages that have ended and wait for the recorder, as when a server cancels all its streams at once; the oldest go."""

MAX_ENDED_STAGES_HUNG: Final = 1_000
"""The same while the recorder hangs, or can't keep up: some 10 to 30 MB."""

RECORDER_HUNG_NS: Final = 2_000_000_000
"""Time for which the recorder may work on one stage, and for which one that has ended may wait, before it counts as
hung: ten times its interval. A hook or an exporter that takes 0.2 s keeps up with five streams a second at most."""

MAX_DEFERRED_STEPS: Final = 16_384
"""Steps (a span to end, an iterator that was dropped) that wait for the recorder; the oldest go."""

MAX_TRACKED_TRACES: Final = 4_096
"""Traces whose event budget is remembered at once; the least recently used is forgotten first."""

MAX_ROUTES: Final = 100
"""Routes that become metric labels (the SDK's own limit is 2,000 label sets an instrument); further ones
are counted under the route `other`."""

MAX_STAGE_LABELS: Final = 100
"""Names of stages that become metric labels; further ones are counted as the stage `other`. An application has a dozen;
names that are made of what a request says would else add label sets without end."""

MAX_STARTED_ROUTES: Final = 30
"""Routes of an application whose counters are made at 0 before anybody asked for them: with three stages and 16 kinds
of findings each, 1,440 of the SDK's 2,000 label sets."""

MAX_UNREAD_STAGES: Final = 1_024
"""Stages that are read on although their request is over, as many as a process has busy tasks; more end as abandoned
with their request."""

UNREAD_SILENCE_NS: Final = 60_000_000_000
"""Time without a chunk after which such a stage ends as abandoned. A model that thinks is silent for less, and whoever
holds the iterator may never pull again."""

MAX_STAGE_ERRORS: Final = 8
"""Internal errors after which one stage of one stream stops observing."""

MAX_CHANNELS: Final = 256
"""Channels (choices, blocks, tool calls) of one stream whose state is kept."""

MAX_ARGUMENT_CHARS: Final = 65_536
"""Characters of one tool call's arguments that are checked to be JSON: so many take 20 ms in all. Of a call with more
nothing is said."""

MAX_ARGUMENT_DEPTH: Final = 64
"""Objects and lists within one another in a tool call's arguments that are followed; schemas of tools have 10 at most.
Of a call with more nothing is said."""

MAX_GRAMMAR_BREAKS: Final = 8
"""Different breaks of a dialect's grammar in one answer that are told by themselves."""

MAX_TERMINALS: Final = 8
"""Different terminal marks of one stream that are remembered."""

MAX_FINISH_REASONS: Final = 16
"""Finish reasons of one stage that are kept, one a choice and answer; a request for more choices than that is rare."""

MAX_FINISH_LABELS: Final = 32
"""Finish reasons that become metric labels; further ones are counted as `other`. All vendors together have some 30."""

ANSWER_EVENTS: Final = 4
"""Events in a row that have one id before it is said to begin another answer in the middle of one: gateways give single
events, or the first one, an id of their own."""

LONE_IDS: Final = 2
"""Ids in one answer that fewer events have before ids are called meaningless on a stream."""

MAX_SNIFFED_EVENTS: Final = 16
"""Events looked at before a stream whose dialect is still open is called generic."""

MAX_IDS: Final = 1_024
"""Ids of one stream that are remembered; a reconnect replays recent events, not old ones."""

MAX_ID_CHARS: Final = 256
"""Characters of an id that is remembered as it is; of a longer one a digest is: an id may be as long as an event, and
1,024 of those are a gigabyte. Ids that servers give (UUIDs, a stream's name and a number) have 64 at most."""

MAX_CURSOR_QUERY_CHARS: Final = 4_096
"""Characters of a query in which a cursor is looked for: a longer one holds a document, and so many take 30 us."""

MAX_LEARNT_IDS: Final = 8
"""Ids looked at before they are called numbers that count: with fewer, byte offsets and database keys look alike."""

MAX_RECENT_NUMBERS: Final = 256
"""Numbers of one stream whose chunk and digest are remembered, so that a repeat can be told from a regression."""

MAX_MISSING_NUMBERS: Final = 256
"""Skipped numbers of one stream that are remembered, so that a late one is called reordered and not repeated."""

MAX_LATE_CHUNKS: Final = 16
"""Chunks that a skipped number may come late before it counts as missing; two tasks that write to one stream swap
neighbours, so 16 is ample, and at 20 chunks a second a loss is told within a second."""

MAX_NUMBER_STEP: Final = 100_000
"""Numbers that one gap can be said to have lost: more than an hour at 20 chunks a second. A larger step is another
numbering and counts as one, so that no peer can drive a counter beyond what OTLP holds (64 bits)."""

MAX_INTERVALS: Final = 64
"""Sampled intervals that wait for the metrics; at one in 16 that is 1,024 chunks between two collections."""

MAX_UPSTREAMS: Final = 32
"""Stages of one stream that are remembered as possible upstreams of one that begins: a chain of ten policies is twenty
stages, and an agent that calls its model a hundred times in one answer goes on with the latest."""

MAX_WAITING_CROSSINGS: Final = 1_024
"""Chunks of one stage that wait to be claimed by the next stage: a policy that buffers more than this many chunks
before it hands on the first loses the lineage of the oldest."""

MAX_RECENT_CROSSINGS: Final = 16
"""Chunks claimed a moment ago that are remembered, so that a second emission of one is told from a new chunk. A path
that lags further behind is found by the detectors, not by lineage."""

MAX_ENVELOPE_BYTES: Final = 1_024
"""Bytes of the line in front of a WebSocket message: about 50, 110 where a stream opens, and at most 512 of tracestate
(W3C Trace Context asks to carry that many)."""

MAX_CARRIED_STREAMS: Final = 4_096
"""Streams of this process that are found again by their handles: about 200 bytes each, and as many as a busy process
has jobs. The oldest is forgotten first, and is then continued as a stream of another process is."""

MAX_HELD_STREAMS: Final = 32
"""The latest of these, which are held although their work is over: up to 200 KB each where all their chunks are
pending, so 6 MB; as many as begin in the second or two until somebody asks for a job's events."""

MAX_HANDLE_CHARS: Final = 2_048
"""Characters of a handle that is read. One has 90, and 700 with the 512 of a tracestate that W3C Trace Context asks to
carry; escaped they may be three times as many."""

MAX_HOP_STREAMS: Final = 1_024
"""Streams of one connection, and streams whose numbers outlive a connection; the least recently used is forgotten
first. Each of the latter takes about 3 KB, and 20 KB where its numbers skip, or its sender holds messages."""

MAX_CONNECTION_STREAMS: Final = 128
"""Streams of one connection that were begun for its peer: about 20 KB each, 2.5 MB. HTTP/2's servers allow 100 to 128 a
connection (nginx, Envoy). Further ones are passed on as they are, not observed, and counted in `sse.recorder.dropped`,
unless one has nothing open or has been idle."""

IDLE_STREAM_NS: Final = 60_000_000_000
"""Time without a message after which such a stream makes room for another: four times the silence that is a stall."""

MAX_PEER_STREAMS: Final = 2_048
"""Streams that peers have begun in one process, next to the first of each connection: about 20 KB each, 40 MB. What is
beyond it is likewise passed on and counted, unless a stream with nothing open makes room."""

MAX_HELD_MESSAGES: Final = 32
"""Messages of one stream that a sender holds by reference, to know them again when they are resent after a reconnect:
more than what a socket's buffers swallow unseen when a connection dies."""

MAX_HELD_BYTES: Final = 16_384
"""Bytes of all messages of one stream that are held: 32 of 500 bytes, and 16 MB for all streams that are remembered."""

MAX_HELD_CHARS: Final = 4_096
"""Characters (bytes, where it is binary) of a message that is held; longer ones are counted and not known again."""

FIRST_LOOK_CHUNKS: Final = 16
"""Chunks after which content is judged for the first time; then after as many again, so that what is wrong from the
beginning is told soon."""

LOOK_CHUNKS: Final = 64
"""Chunks whose content is judged at once later on: a look costs little more for 64 than for one, and at 20 chunks a
second what is wrong is told within three seconds, sooner than any metric is read."""

MIN_RUN: Final = 3
"""Messages that a new connection must begin with, the very objects of the one that broke off in their order, before the
next of them is called resent."""

MIN_RUN_CHARS: Final = 16
"""Characters of a message that counts for such a run: Python shares short texts between whoever makes them."""

MAX_HELD_ODD: Final = 8
"""Events of one stream that can't be read and are held back until it is known what its events are; and names of events
without data that are told, each once."""

MAX_GLUED_FRAMES: Final = 1_024
"""Frames that are counted in an event that several were glued into: a whole answer has some hundreds."""

SUSPECTED_PAIRS: Final = 4
"""Neighbours that are equal, pair behind pair, before that is told: no recorded stream has more than two in a row."""

SUSPECTED_PAIR_CONTENTS: Final = 3
"""Different contents among them: `ha ha ha ha` is one."""

EVERY_CHUNK_CONTENTS: Final = 32
"""Different contents from which on it is no chance that each chunk of a stream so far is so: comes twice, in a model
vendor's own dialect, or begins as a field of an event stream does."""

MAX_LAG_CHUNKS: Final = 9
"""Chunks between a content and its twin where a second path lags."""

LAGGED_PAIRS: Final = 12
"""Chunks that all came again within `MAX_LAG_CHUNKS` before that is told: recorded streams that don't repeat whole
passages have three at most, those that do have eight."""

LAGGED_PAIR_CONTENTS: Final = 9
"""Different contents among them."""

OPENING_CHUNKS: Final = 16
"""Chunks with which an answer begins that have to come again before that is told. Of 727 recorded streams all but four
have three at most."""

OPENING_CONTENTS: Final = 8
"""Different contents among them: a table's rule or a run of blanks is no opening."""

REPLAYED_CHUNKS: Final = 24
"""Chunks in a row that have to come again before that is told: models do copy a sentence."""

REASSERTED_CHUNKS: Final = 12
"""The same, where another channel's chunks (a tool's) stand between: a model that says a sentence again."""

PASSAGE_CONTENTS: Final = 8
"""Different contents in a passage that came again."""

MAX_HISTORY_CHUNKS: Final = 4_096
"""Chunks of one stage that are remembered, each by 16 bytes, to know a passage again."""

ACCUMULATED_BYTES: Final = 32
"""Bytes of a chunk that repeats all text so far before that is told."""

ACCUMULATED_CHUNKS: Final = 3
"""Chunks that have to stand before it."""

CUMULATIVE_CHUNKS: Final = 8
"""Chunks that each begin with the whole one before, before that is told: a model may count `a`, `ab`, `abc`."""

MAX_FORM_CHARS: Final = 4_096
"""Characters of an event that is kept to compare a later one's form with: 256 channels of those are a megabyte. Pieces
have some hundreds."""

ACCUMULATED_PIECES: Final = 64
"""First chunks of a channel that are known again in it; its length says the rest."""

MAX_TURNS: Final = 64
"""Changes of the channel that are remembered, to tell a sentence behind a tool's step from an answer begun again."""

MAX_CHECKED_CHARS: Final = 1_024
"""Characters before a chunk that a rule on content sees with it: what it looks for may be cut in two."""

MAX_CONTENT_CHECKS: Final = 16
"""Rules on content of one application: each runs over every chunk, and becomes a label."""

LAGGED_TWINS: Final = 3
"""Chunks handed on once more, one behind the other, that are no accident if nothing foreign stands between them."""

COPIED_RUN: Final = 8
"""The same where words of the stage's own stand between them: two models that get one question may well begin with the
same few tokens, but not with eight."""

LEFT_OUT_CHUNKS: Final = 8
"""Chunks at an answer's beginning from which they count as left out on purpose (a model's reasoning, the arguments of a
tool call) if none of them was handed on: live and in the diagnosis."""

MAX_TWINS: Final = 256
"""Chunks that equal their neighbour and may be copies, kept until the stage has ended and has added nothing."""

MAX_STRETCH_CHUNKS: Final = 32
"""Chunks that are kept until it is clear what is wrong with them: a path that lags, or a block that is repeated, shows
in 16, and at 20 chunks a second a fault that goes on and on is told within two seconds."""

BURST_NS: Final = 5_000_000
"""Time within which chunks go on all at once: one read of a socket, one flush of a buffer."""

BURST_CHUNKS: Final = 8
"""Chunks that make a burst: models themselves send a few tokens at once."""

BURST_SPREAD_NS: Final = 500_000_000
"""Time over which they had come in, so that a reader saw nothing for half a second and then all of it."""

CLIENT_WAIT_NS: Final = 2_000_000_000
"""Wait for the first content after which a client that then gets everything at once suspects a buffer before it."""

CLIENT_BURST_CHUNKS: Final = 20
"""Pieces of content that make everything: a short answer may well come at once."""

CLIENT_BURST_NS: Final = 20_000_000
"""Time within which everything came."""

MAX_TOLD: Final = 64
"""Chunks known to be duplicates that the detectors of content leave out; they look back no further than that."""

MAX_SHIFTS: Final = 256
"""Places in a stream at which chunks without content stood before content, to name a chunk by its place: pings and
tool steps, of which there are few; beyond that the number of an old chunk is not known."""
MAX_GUARD_LINES: Final = 16
"""Log lines of one guard about one stream; the rest is one summary line: a stream that is doubled throughout would
write thousands."""

MAX_REMEMBERED_CHUNKS: Final = 1_024
"""Chunks of one stream that `deduplicate` remembers within its window: at the default of 100 ms, 10,000 a second."""

MAX_OPENING_CHARS: Final = 65_536
"""Characters of one answer that `trim_restarts` compares a second beginning with: some 16,000 tokens, more than most
answers have. What is repeated behind them is not trimmed."""

MAX_TRIMMED_CHANNELS: Final = 16
"""Channels (choices, blocks, tool calls) of one stream whose openings `trim_restarts` keeps; further ones pass."""

MAX_HELD_CHUNKS: Final = 64
"""Chunks that `trim_restarts` holds back while the opening seems to come again; with one more, all are released."""
MAX_SHOWN_CHARS: Final = 200
"""Characters of one name, id or piece of evidence out of a trace that a view shows: evidence is one line of some 100,
names that we record have 64 at most, and others' spans may have a megabyte."""

MAX_EDGE_PAIRS: Final = 4_000_000
"""Pairs of chunks, one made from the other, between two stages of a trace that is read: about 100 MB and a second. Two
thousand chunks that have nothing in common with two thousand others are as many; what is told beyond is left out."""

MAX_TRACE_STAGES: Final = 500
"""Stages of one trace that is read. A pipeline has a dozen; the order of the data takes their square."""

MAX_TRACE_CHUNKS: Final = 1_000_000
"""Chunks of one trace that is read, all stages together: six stages of 30,000 are 180,000, which take four seconds.
More would take half a minute."""

MAX_LINE_BYTES: Final = 67_108_864
"""Bytes of one line of a file of spans, which is one export request: collectors send 4 MiB at most (gRPC's default)."""

MAX_SPAN_FILE_BYTES: Final = 1_073_741_824
"""Bytes of a file that an application writes its spans into, unless it sets another size: 1 GiB is about 2.5 million
events of chunks in OTLP JSON (425 bytes each), which nobody reads in one go."""

MAX_ANSWER_BYTES: Final = 67_108_864
"""Bytes of one answer of Jaeger or Tempo, decompressed: 64 MiB is about 150,000 chunk events in OTLP JSON (425 bytes
each), fifteen times a trace's budget."""

MAX_SEARCH_REQUESTS: Final = 200
"""Requests of one search for traces: a list of 20 takes 1 to 40 of them, and nobody waits for more."""

MAX_SEARCH_HITS: Final = 1_000
"""Traces that one request of a search asks for, in a span of time too short to be divided."""

MAX_PATTERN_CHARS: Final = 4_096
"""Characters of one regular expression that a setting gives: long ones in use have some hundreds."""

MAX_PATTERN_REPEATS: Final = 1_000_000
"""Product of the least repeats (`{n}`) of one regular expression: so many steps take it about 10 ms, and nested ones
multiply to hours."""

MAX_MATCHED_URL_CHARS: Final = 2_048
"""Characters of a URL that `excluded_urls` is looked for in. A client chooses the length, and `.*health.*` takes the
square of it: 10 ms for so many. Browsers and proxies take 2,048 to 8,192."""

MAX_EXCLUDED_CHARS: Final = 16_384
"""Characters of `excluded_urls`, all patterns together: hundreds of paths."""

MAX_KEY_CHARS: Final = 1_024
"""Characters of `digest_key`: BLAKE2b takes 64 bytes and longer keys are hashed; nobody types more."""

MAX_MEDIA_TYPES: Final = 64
"""Media types of `content_types`."""

MAX_RULES_CHARS: Final = 131_072
"""Characters of the JSON in `OTEL_SSE_CONTENT_CHECKS`: 16 patterns of the longest kind, each character escaped."""

ANSWER_TIMEOUT_S: Final = 60
"""Seconds until an answer of Jaeger or Tempo has to be there: proxies and Tempo itself give up after 30 to 60."""

MAX_URL_CHARS: Final = 2_048
"""Characters of a path or a query on the request's span: longer ones are nobody's link, and each costs its bytes."""

MAX_HOST_CHARS: Final = 255
"""Characters of a host or an address on the request's span: DNS has no longer name (RFC 1035, 2.3.4)."""

MAX_METHOD_CHARS: Final = 32
"""Characters of a request's method on its span: the longest that IANA lists, UPDATEREDIRECTREF, has 17."""

MAX_LABEL_VALUES: Final = 16
"""Values of one label of contrib's metrics that a server makes (its address, the method): a server has one or two."""
