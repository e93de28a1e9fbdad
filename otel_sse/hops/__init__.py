"""The protocol between the two ends of a WebSocket: envelopes, numbers, streams. Knows no library of sockets."""
