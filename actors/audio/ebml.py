"""Reading EBML: variable-length integers and the elements of a buffered parent (RFC 8794)."""

from collections.abc import Iterator

UNKNOWN = -1
"""Size of an element that says it doesn't know its size."""


def read_id(buffer: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Read an element ID, marker bits kept.

    Returns:
        The ID and its length in bytes, or None where the buffer ends too early.

    Raises:
        ValueError: longer than four bytes.
    """
    if at >= len(buffer):
        return None
    first = buffer[at]
    if first >= 0x80:
        # blocks of audio: nearly all there are
        return first, 1
    length = 9 - first.bit_length()
    if length > 4:
        raise ValueError("element ID longer than 4 bytes")
    if at + length > len(buffer):
        return None
    return int.from_bytes(buffer[at : at + length], "big"), length


def read_size(buffer: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """Read a size (or any other variable-length integer), marker bit removed.

    Returns:
        The size, `UNKNOWN` where all its bits are ones, and its length in bytes, or None where the buffer ends too
        early.

    Raises:
        ValueError: longer than eight bytes.
    """
    if at >= len(buffer):
        return None
    first = buffer[at]
    if 0x80 <= first < 0xFF:
        # track numbers, lengths of short elements: nearly all there are
        return first & 0x7F, 1
    length = 9 - first.bit_length()
    if length > 8:
        raise ValueError("size longer than 8 bytes")
    if at + length > len(buffer):
        return None
    value = int.from_bytes(buffer[at : at + length], "big") & ((1 << 7 * length) - 1)
    return (UNKNOWN if value == (1 << 7 * length) - 1 else value), length


def children(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield ID and content of each element in the content of a fully buffered parent.

    Raises:
        ValueError: an element doesn't fit into its parent.
    """
    at = 0
    while at < len(body):
        element, size = read_id(body, at), None
        if element is not None:
            size = read_size(body, at + element[1])
        if element is None or size is None or size[0] == UNKNOWN:
            raise ValueError("element cut short")
        start = at + element[1] + size[1]
        at = start + size[0]
        if at > len(body):
            raise ValueError("element larger than its parent")
        yield element[0], body[start:at]
