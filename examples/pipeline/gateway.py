"""The gateway: model, callback, WebSocket to the control plane and back, normalisation, client."""

import os

import otel_sse
from otel_sse.demo.pipeline_gateway import build

app = otel_sse.instrument(build(os.environ["MODEL_URL"], os.environ["CONTROL_URL"]))
