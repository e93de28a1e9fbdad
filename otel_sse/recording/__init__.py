"""Which streams and stages live in this process, and the thread that writes them."""
