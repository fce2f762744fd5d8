"""The actor runtime against plain Pykka: memory, spawning, fan-out, latency under load, and a flood."""
