"""The application with faults to order: FastAPI, reads the model with the `openai` package and streams its answer on.

`{"question": "joke", "fault": "doubled"}` makes it err; `otel-sse demo --list-faults` lists the faults.
"""

import os

from otel_sse.demo.gateway import build

app = build(os.environ["MODEL_URL"])
