"""The two ends of a WebSocket: the sender numbers each message of a stream, and the receiver checks the numbers.

The room knows no library of sockets. The shells in `integrations/websockets` call it for each message.

    application → Hop.seal → Demultiplexer.outgoing → Lane → Outbox.number → head and payload → socket
    application ← Hop.open ← Demultiplexer.incoming ← Lane ← Inbox.check   ← head and payload ← socket
"""
