"""Silero's network for windows of several streams at a time: laid out anew from its file, to the same numbers."""

from collections.abc import Iterator, Mapping
from typing import Final

WIDTH: Final = 640
"""Samples of a row: 64 of context, a window of 512, and its last 64 but one in reverse order."""
AT_ONCE: Final = 8
"""Rows of a stream up to which the numbers are the original's. A sum over more is split up by the matrix product, and
rounded otherwise."""

type _Value = int | bytes
type _Attribute = int | tuple[int, ...]

_FLOAT: Final = 1
_WHOLE: Final = 7
_BASIS: Final = "encoder.feature_extractor.forward_basis_buffer"
_LAYER: Final = "encoder.conv_layers.{}.{}"
_GATES: Final = ("onnx::LSTM_209", "onnx::LSTM_210", "onnx::LSTM_211")
_LAST: Final = ("decoder.conv1d.weight", "decoder.conv1d.bias")
_LAYERS: Final = ((128, 129), (64, 128), (64, 64), (128, 64))
"""Channels out and in of the encoder's convolutions."""
_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    _BASIS: (258, 1, 1, 256),
    **{_LAYER.format(at, "weight"): (out, of, 1, 3) for at, (out, of) in enumerate(_LAYERS)},
    **{_LAYER.format(at, "bias"): (out,) for at, (out, _) in enumerate(_LAYERS)},
    **dict(zip(_GATES, ((1, 512, 128), (1, 512, 128), (1, 1024)), strict=True)),
    **dict(zip(_LAST, ((1, 128, 1, 1), (1,)), strict=True)),
}


class OtherNetworkError(ValueError):
    """The file holds another network than the one that is known here, or none."""


def side_by_side(model: bytes) -> bytes:
    """Lay Silero VAD v6 out as a network that takes windows as rows of one image, and streams as images of a batch.

    The original takes windows as a batch, and onnxruntime multiplies each image of a batch for itself: two to five
    columns at a time, of which a vector register holds sixteen. As rows of one image, along which the convolutions
    reach and not across, windows share a product; each of its sums is added up in the same order and so is the same to
    the bit. Only where a window has one column left, in the last two convolutions, it stays by itself: those sums are
    taken in another order. The frame of the spectrum that the original drops isn't made.

    Streams share what a call costs by itself, and that the weights, a megabyte, come from memory. None has a part in
    another's sums.

    Args:
        model: the ONNX file (MIT; Silero Team, 2025) as faster-whisper brings it.

    Returns:
        An ONNX model with the inputs `rows`, shape (s, 1, n, `WIDTH`), for s streams and n windows of each, n up to
        `AT_ONCE`; `h` and `c`, shape (1, s, 128); `steps`, which is [n, s, 128] as int64; outputs `told`, shape
        (1, 1, s, n), `hn` and `cn`. All others float32. To keep its numbers it must be run without the optimisations of
        memory layout.

    Raises:
        OtherNetworkError: the file is another network's, or none.
    """
    try:
        weights = dict(_tensors(model))
    except (IndexError, ValueError) as error:
        raise OtherNetworkError("not an ONNX file") from error
    if any(len(weights.get(name, b"")) != 4 * _product(shape) for name, shape in _SHAPES.items()):
        raise OtherNetworkError("not the network that was expected")
    graph = _message(
        *((1, node) for node in _nodes()),
        (2, "silero"),
        *((5, _tensor(name, shape, _FLOAT, weights[name])) for name, shape in _SHAPES.items()),
        (5, _tensor("one by one", (4,), _WHOLE, _wide(-1, 64, 1, 2))),
        *((11, _array_of(name, rank, _FLOAT)) for name, rank in (("rows", 4), ("h", 3), ("c", 3))),
        (11, _array_of("steps", 1, _WHOLE)),
        *((12, _array_of(name, rank, _FLOAT)) for name, rank in (("told", 4), ("hn", 3), ("cn", 3))),
    )
    return _message((1, 8), (7, graph), (8, _message((2, 18))))


def _nodes() -> list[bytes]:
    def layer(at: int, heard: str) -> list[bytes]:
        made, stride = f"layer {at}", 2 if at in (1, 2) else 1
        along = {"kernel_shape": (1, 3), "pads": (0, 1, 0, 1), "strides": (1, stride)}
        weights = (_LAYER.format(at, "weight"), _LAYER.format(at, "bias"))
        return [_node("Conv", (heard, *weights), (f"{made} sum",), **along), _node("Relu", (f"{made} sum",), (made,))]

    return [
        _node("Conv", ("rows", _BASIS), ("spectrum",), kernel_shape=(1, 256), strides=(1, 128)),
        _node("Mul", ("spectrum", "spectrum"), ("squares",)),
        _node("Split", ("squares",), ("real", "imaginary"), axis=1, num_outputs=2),
        _node("Add", ("real", "imaginary"), ("power",)),
        _node("Sqrt", ("power",), ("magnitude",)),
        *layer(0, "magnitude"),
        *layer(1, "layer 0"),
        _node("Transpose", ("layer 1",), ("windows",), perm=(2, 0, 1, 3)),
        _node("Reshape", ("windows", "one by one"), ("batch",)),
        *layer(2, "batch"),
        *layer(3, "layer 2"),
        _node("Reshape", ("layer 3", "steps"), ("sequence",)),
        _node("LSTM", ("sequence", *_GATES, "", "h", "c"), ("said", "hn", "cn"), hidden_size=128),
        _node("Relu", ("said",), ("clear",)),
        _node("Transpose", ("clear",), ("columns",), perm=(1, 3, 2, 0)),
        _node("Conv", ("columns", *_LAST), ("logit",), kernel_shape=(1, 1)),
        _node("Sigmoid", ("logit",), ("told",)),
    ]


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _wide(*values: int) -> bytes:
    return b"".join(value.to_bytes(8, "little", signed=True) for value in values)


# What of ONNX is needed here (onnx.proto3 of IR version 8); the numbers are those of its fields.


def _node(kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...], **attributes: _Attribute) -> bytes:
    return _message(
        *((1, name) for name in inputs),
        *((2, name) for name in outputs),
        (4, kind),
        *((5, _attribute(name, value)) for name, value in attributes.items()),
    )


def _attribute(name: str, value: _Attribute) -> bytes:
    if isinstance(value, int):
        return _message((1, name), (3, value), (20, 2))
    return _message((1, name), *((8, each) for each in value), (20, 7))


def _tensor(name: str, shape: tuple[int, ...], kind: int, data: bytes) -> bytes:
    return _message(*((1, length) for length in shape), (2, kind), (8, name), (9, data))


def _array_of(name: str, rank: int, kind: int) -> bytes:
    shape = _message(*((1, b"") for _ in range(rank)))
    return _message((1, name), (2, _message((1, _message((1, kind), (2, shape))))))


def _tensors(model: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each tensor of a model's graph."""
    for number, graph in _fields(model):
        for inner, tensor in _fields(graph) if number == 7 and isinstance(graph, bytes) else ():
            if inner == 5 and isinstance(tensor, bytes):
                told = dict(_fields(tensor))
                name, data = told.get(8, b""), told.get(9, b"")
                if isinstance(name, bytes) and isinstance(data, bytes):
                    yield name.decode(), data


def _message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Return a message of Protocol Buffers: fields of one number follow one another where it is repeated."""
    written = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            written += _varint(number << 3) + _varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            written += _varint(number << 3 | 2) + _varint(len(data)) + data
    return bytes(written)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _fields(message: bytes) -> Iterator[tuple[int, _Value]]:
    """Yield number and value of a message's fields.

    Raises:
        IndexError: it is cut short.
        ValueError: it is none.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        kind, size = key & 7, 0
        if kind == 0:
            value, at = _read_varint(message, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _read_varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(kind, len(message) + 1)
        if at + size > len(message):
            raise ValueError("not an ONNX file")
        yield key >> 3, message[at : at + size]
        at += size


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
