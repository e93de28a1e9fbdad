"""The control plane: each answer goes through the policy that the gateway names."""

import otel_sse
from otel_sse.demo.pipeline_control import build

app = otel_sse.instrument(build())
