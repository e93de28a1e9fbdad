"""The demo: a model server, an instrumented gateway and a client on loopback, and what the trace says of them."""
