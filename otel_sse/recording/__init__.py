"""The streams and stages that are open in this process, and the thread that writes their spans and metrics.

Who uses whom, downwards:

    registry         the recorders of the process
    live_stream      one stream, and which stages it has  →  upstreams: which of them comes before which
    recorder         begins the stages of one application
    background       the recorder's thread, and who waits for it  →  worker: the thread itself
    writer           what that thread does  →  stage_metrics, forgone: what the metrics are told
    stage_record     one stage until it ends  →  journal: its chunks until that thread takes them
"""
