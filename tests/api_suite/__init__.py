"""The protocol suite: what every Balto must answer, over HTTP and its socket, asked of any address."""
