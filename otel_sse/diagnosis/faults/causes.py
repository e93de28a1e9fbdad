"""What usually causes each kind of fault, and where to look: from real cases."""

from __future__ import annotations

from typing import Final, NamedTuple

from otel_sse.stream import kinds


class Cause(NamedTuple):
    """What is known of one kind of fault.

    Args:
        brief: The kind in a few words.
        cause: What usually causes it.
        where_to_look: Where to look first.
    """

    brief: str
    cause: str
    where_to_look: str


UNKNOWN_CAUSE: Final = Cause(
    "something is wrong",
    "No usual cause is known for this kind.",
    "At the stage that is named, and at what the evidence says of it.",
)

CAUSES: Final[dict[str, Cause]] = {
    kinds.DUPLICATE: Cause(
        "chunks are repeated",
        "Chunks left the stage more often than they came in: two paths hand on the same chunk, or one is run again.",
        "Everything that writes to this stage's stream; search for a second send, yield or callback.",
    ),
    kinds.DOUBLED: Cause(
        "each chunk is handed on twice",
        "Two code paths push the same chunk: a handler and its base class, a UI adapter and a forwarding callback, "
        "or two subscriptions to one source.",
        "The code between the two stages that are named: every place that sends, yields or forwards a chunk; listeners "
        "that are registered more than once.",
    ),
    kinds.REPLAYED: Cause(
        "a run of chunks is handed on again",
        "The stream was iterated twice, a reconnecting client got events that it already had, or a buffer was "
        "flushed again.",
        "Whoever iterates the stream (the guard `single_pass` names a second one), what is sent after a reconnect, and "
        "whether Last-Event-ID is heeded.",
    ),
    kinds.RESTARTED: Cause(
        "the answer begins again",
        "A retry or an agent loop asked again after part of the answer had been sent, and the new answer was appended.",
        "The retry around the model call and the agent's loop: nothing may be retried once a chunk has been handed on.",
    ),
    kinds.ACCUMULATED: Cause(
        "a chunk carries the whole text again",
        "The last event holds the complete message, and it was handed on like one more piece.",
        "The handling of the final event (a `message` or `final` frame, an end-of-stream callback): it must not be "
        "appended to the pieces.",
    ),
    kinds.CUMULATIVE: Cause(
        "each chunk holds all of the text so far",
        "The source is not incremental (a snapshot stream, `incremental_output` that was not asked for), and what it "
        "says is handed on as the next piece.",
        "What makes deltas of the source's chunks: it has to take off what came before. Where readers replace the text "
        "on purpose, say so: `cumulative_stages`, or `observe(…, cumulative=True)`.",
    ),
    kinds.TERMINAL: Cause(
        "the end is sent twice",
        "Both the model's end was passed on and an own one was added, or two layers each close the stream.",
        "Every place that writes [DONE] or its like; one of them is enough.",
    ),
    kinds.RESENT: Cause(
        "a message is sent again over a hop",
        "The sender reconnected and sent again what it did not know to have arrived.",
        "The sender's reconnect: resume after the last number that was acknowledged.",
    ),
    kinds.REASSERTED: Cause(
        "a sentence is said again",
        "The model said it again after a tool's step, as models do; every stage handed on what it got.",
        "The prompt and what the tool's result looks like to the model. Nothing between the stages repeats anything.",
    ),
    kinds.GAP: Cause(
        "chunks are missing",
        "Chunks came to the stage and did not leave it.",
        "Filters, conditions and queues between the two stages that are named.",
    ),
    kinds.LOST: Cause(
        "chunks are lost",
        "A filter dropped them: deduplication by content (it turns 1833 into 183), an emptiness check, a full queue "
        "that drops, or an exception that was swallowed.",
        "Between the two stages that are named: `if` and `continue` around the send, bounded queues, `except` without "
        "`raise`.",
    ),
    kinds.REPLY_LOST: Cause(
        "a policy's own reply is lost",
        "A policy made a chunk of its own (a refusal, a notice), and what comes after it hands on only what it knows: "
        "chunks with an id, a type or a source of the model's.",
        "The code after the policy: how it tells chunks to hand on from others, and whether it still reads once the "
        "policy has blocked.",
    ),
    kinds.COLON_CONTENT: Cause(
        "content that begins with a colon is lost",
        "Text was written without `data:` in front of it, so that a line which begins with `:` is a comment.",
        "The place that frames the text: every line of it needs a `data:` field. otel_sse.wire.encode does it.",
    ),
    kinds.GAP_SEQUENCE: Cause(
        "the stream's own numbers skip",
        "Events were lost before the stage saw them.",
        "What lies between the server that numbers them and this stage: proxies, a resume from a wrong place.",
    ),
    kinds.GAP_HOP: Cause(
        "messages are lost on a hop",
        "Messages that the sender counted did not arrive: a connection broke, or something in between drops.",
        "The connection and what is between its ends; the sender's handling of a send that failed.",
    ),
    kinds.GATHERED: Cause(
        "chunks wait until several go on as one",
        "A stage keeps what it gets until it has enough (a sentence, a size, a whole tool's call), or until its work "
        "is done.",
        "Buffers between the two stages that are named: hand on after a time as well as after a size. A stage that "
        "checks whole sentences is declared with `rewrites=True`.",
    ),
    kinds.REORDER: Cause(
        "chunks are out of order",
        "Two tasks or threads write to one stream, each with chunks of its own turn.",
        "Tasks that are started per chunk (create_task, gather, a thread pool) before the stage; one writer and a "
        "queue keep the order.",
    ),
    kinds.CORRUPTION: Cause(
        "content is changed",
        "A stage that has to hand on chunks as they are changed one.",
        "String operations between the two stages that are named.",
    ),
    kinds.CHANGED: Cause(
        "chunks are changed",
        "Bytes were decoded chunk by chunk (a character that lies across two chunks breaks), or the text was stripped, "
        "escaped or unescaped. If the stage is meant to change content, it has not been told so.",
        "`strip`, `decode(errors=...)`, escaping and templates between the two stages that are named. A stage that is "
        "meant to rewrite says `rewrites=True`.",
    ),
    kinds.REPLACED: Cause(
        "chunks are replaced",
        "Several chunks were put together or cut anew, and not all of their bytes are there, or there are more.",
        "Buffers between the two stages that are named: what is left in them at the end, and what is put in twice.",
    ),
    kinds.COALESCING: Cause(
        "chunks spaced in time arrive in one burst",
        "Something in between gathers before it passes on: a buffering proxy, compression, a reader that waits for "
        "the whole body.",
        "`proxy_buffering`, gzip on text/event-stream, `X-Accel-Buffering`, and whether the body is read piece by "
        "piece.",
    ),
    kinds.STALL: Cause(
        "the stream is silent",
        "What makes or hands on the chunks waited.",
        "What the stage that is named waits for: locks, other requests, blocking calls in the event loop.",
    ),
    kinds.FIRST_BYTE: Cause(
        "nothing comes for a long time",
        "The first chunk waited for the model, for what is done before the model is asked, or for a buffer.",
        "The stage that is named; send headers and a comment at once, so that proxies and clients do not give up.",
    ),
    kinds.STALL_CONTENT: Cause(
        "content stops for a long time",
        "The model paused, a tool was called meanwhile, or a stage held content back.",
        "The stage that is named: if it is the first one, the model or what lies before it; else the code between it "
        "and the stage before.",
    ),
    kinds.DELAYED: Cause(
        "chunks are held back",
        "A chunk waited in a stage: a blocking call, a lock, or a reader further on that does not keep up.",
        "The code between the two stages that are named, and `sse.stream.send_time` of the last stage: a slow client "
        "holds back everything before it.",
    ),
    kinds.PROTOCOL: Cause(
        "the protocol is broken",
        "What was written into the stream is not what its format asks for.",
        "The code that writes this stage's frames.",
    ),
    kinds.AFTER_DONE: Cause(
        "content follows the end",
        "A late task or callback wrote after the end had been sent.",
        "Tasks that are still running when the end is sent, and callbacks that are called on completion.",
    ),
    kinds.NESTED_JSON: Cause(
        "a frame is serialised twice",
        "A chunk that was JSON text already was serialised again.",
        "`json.dumps` or a response class around something that is a frame already.",
    ),
    kinds.DOUBLE_FRAMING: Cause(
        "a frame is framed twice",
        "`data:` was put before a frame that had it already.",
        "A helper that frames, given frames: often a proxy route that reads lines of another event stream.",
    ),
    kinds.UNFRAMED: Cause(
        "text is written without framing",
        "A traceback or raw text was written into the stream, and every reader loses it.",
        "`except` blocks and error handlers that write or yield text while the stream runs.",
    ),
    kinds.JSON_ERROR: Cause(
        "an event can't be parsed",
        "Several frames stand in one event, because no blank line ends them, or JSON breaks off.",
        "The place that frames the events: each ends with a blank line, two line ends and not one.",
    ),
    kinds.OVERSIZE: Cause(
        "an event is too long",
        "An event is longer than readers take: a file or a whole document in one event, or a missing blank line.",
        "The producer of that event, and whether it ends events with a blank line.",
    ),
    kinds.JSON_ERROR: Cause(
        "events can't be decoded",
        "A frame was cut, or several became one event: lines of a stream were handed on with one line end behind each, "
        "where a blank line ends an event.",
        "What writes the events: each ends with two line ends; a frame is never cut by bytes or by a limit of length.",
    ),
    kinds.ODD_DATA: Cause(
        "what is no frame was sent as data",
        "Lines of another event stream were each put behind `data:`, its comments (`: keep-alive`) too, or a text was "
        "sent between the frames.",
        "Where the stream of the model is read line by line: skip lines that begin with a colon.",
    ),
    kinds.NO_DATA: Cause(
        "an event without data is dropped by its readers",
        "An event's name was written without a `data` line; the specification has readers drop such an event.",
        "What writes the event that the evidence names: put `data:` with anything, or nothing, behind it.",
    ),
    kinds.GRAMMAR: Cause(
        "events come in an order that the vendor's SDK refuses",
        "A server or gateway that translates between two vendors' formats does not keep which block is open, or a "
        "filter left out the event that opens or closes one.",
        "The code that writes this stage's events: each delta goes to the block that is open, and a change of type "
        "closes one block and opens the next.",
    ),
    kinds.TOOL_ARGUMENTS: Cause(
        "a tool call can't be carried out",
        "Pieces of its arguments were lost, doubled or put under another call, `{}` was sent before the real ones, or "
        "the server's parser never gave it an id or a name.",
        "The pieces of that call, by its index and id; where the first stage has it already, the model server's parser "
        "of tool calls.",
    ),
    kinds.NORMALIZE_FAILED: Cause(
        "a chunk can't be normalised",
        "The function that turns a chunk into the application's own form raised.",
        "The function, with the exception that the evidence names: often a field that this kind of chunk has not.",
    ),
    kinds.CHECK: Cause(
        "a rule of the user's own is broken",
        "Content matched a rule of `content_checks`.",
        "The stage that is named and the rule; the text itself is not recorded.",
    ),
    kinds.OUTCOME_FAILED: Cause(
        "the stream failed",
        "An exception or an error event of the service ended it.",
        "The class that the evidence names, at the stage that is named.",
    ),
    kinds.OUTCOME_INCOMPLETE: Cause(
        "the stream ended without its end",
        "The answer was cut: the model server, a proxy's timeout or a `return` in the middle ended it.",
        "Timeouts and early returns at the stage that is named; where it is the first one, the model server and what "
        "lies before it.",
    ),
    kinds.OUTCOME_DISCONNECTED: Cause(
        "the other end left",
        "The client closed the connection or a hop's other end went away.",
        "Nothing is wrong where users close the page; else timeouts of the client and of proxies before it.",
    ),
    kinds.OUTCOME_CANCELLED: Cause(
        "the stream was cancelled",
        "The task that served it was cancelled: the client left, a timeout around it, or a shutdown.",
        "`timeout`, `wait_for` and task groups around the stage that is named.",
    ),
    kinds.OUTCOME_ABANDONED: Cause(
        "nobody read to the end",
        "The iterator was dropped before its end.",
        "`break` and `return` in the loop that reads it.",
    ),
    kinds.OUTCOME_CAPPED: Cause(
        "the stream was ended by a cap",
        "It ran longer than its cap allows.",
        "The cap, and why the answer took so long.",
    ),
}
"""By kind, else by family."""
