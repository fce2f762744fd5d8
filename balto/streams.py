"""The names of the streams of accounts."""


def client_stream(code: str) -> str:
    """Return the name of a client's stream."""
    return f"client-{code}"


def counter_stream(counter_id: str) -> str:
    """Return the name of a counter's stream."""
    return f"counter-{counter_id}"
