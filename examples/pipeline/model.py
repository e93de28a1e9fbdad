"""The model server: speaks OpenAI's chat completions."""

import os

import otel_sse
from otel_sse.demo.model_server import build
from otel_sse.demo.pacing import Pace

app = otel_sse.instrument(build(Pace.read(os.environ)))
