"""HTTP and the WebSocket: all that the network can reach."""
