"""Arrays handed to a zygote once, through memory that both sides map.

States and actions go this way. Outcomes do not: what a child is to predict must never be where it can look.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import mmap
import os
import struct
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_engine.sandbox import kernel

Array = npt.NDArray[Any]

_PREFIX = struct.Struct("<Q")  # bytes of the JSON header
_ALIGNMENT = 64
_ADD_SEALS = 1033  # of the kernel; `fcntl` has the names only where the C library had them
_SEAL_SEAL, _SEAL_SHRINK, _SEAL_GROW, _SEAL_WRITE = 1, 2, 4, 8


class SharedArrays:
    """Named arrays in anonymous shared memory, made by `pack` and read by `attach`.

    Close it once no further zygote will be started with it; a running zygote keeps its own mapping.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size

    @classmethod
    def pack(cls, arrays: Mapping[str, Array], meta: Mapping[str, Any] | None = None) -> SharedArrays:
        """Copy arrays into shared memory.

        Args:
            arrays: Arrays of any numeric or boolean dtype and shape; object arrays must hold `str` only.
            meta: JSON values to go with them, such as the structure of an observation.

        Raises:
            TypeError: An array holds objects that are not `str`.
        """
        parts: list[Array] = []
        entries: list[dict[str, Any]] = []
        for name, array in arrays.items():
            entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": array.dtype.str}
            if array.dtype == object:
                text, offsets = _encode_texts(array)
                entry |= {"dtype": "str", "bytes": len(text)}
                parts += [offsets, text]
            else:
                parts.append(array)
            entries.append(entry)
        header = json.dumps({"arrays": entries, "meta": dict(meta or {})}).encode()
        size = _aligned(_PREFIX.size + len(header)) + sum(_aligned(part.nbytes) for part in parts)
        descriptor = anonymous_file(size)
        with mmap.mmap(descriptor, size) as view:
            _PREFIX.pack_into(view, 0, len(header))
            view[_PREFIX.size : _PREFIX.size + len(header)] = header
            offset = _aligned(_PREFIX.size + len(header))
            for part in parts:
                target = np.frombuffer(view, dtype=part.dtype, count=part.size, offset=offset)
                target.reshape(part.shape)[...] = part
                del target  # a view left over would keep the map from closing
                offset += _aligned(part.nbytes)
        seal(descriptor, writing=True)
        return cls(descriptor, size)

    def close(self) -> None:
        """Give the memory back; further calls do nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> SharedArrays:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def attach(descriptor: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """Map what `SharedArrays.pack` wrote: the arrays, read-only, and the meta values.

    The mapping is private, so that whoever gets around the read-only flag changes only his own copy.
    """
    size = os.fstat(descriptor).st_size
    if hasattr(mmap, "MAP_PRIVATE"):
        view = mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    else:
        view = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    (header_length,) = _PREFIX.unpack_from(view)
    header = json.loads(view[_PREFIX.size : _PREFIX.size + header_length])
    offset = _aligned(_PREFIX.size + header_length)
    arrays: dict[str, Array] = {}
    for entry in header["arrays"]:
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if entry["dtype"] == "str":
            offsets = np.frombuffer(view, dtype=np.int64, count=count + 1, offset=offset)
            offset += _aligned(offsets.nbytes)
            arrays[entry["name"]] = _decode_texts(view[offset : offset + entry["bytes"]], offsets, entry["shape"])
            offset += _aligned(entry["bytes"])
        else:
            array = np.frombuffer(view, dtype=entry["dtype"], count=count, offset=offset)
            arrays[entry["name"]] = array.reshape(entry["shape"])
            offset += _aligned(array.nbytes)
    return arrays, header["meta"]


def anonymous_file(size: int) -> int:
    """A descriptor of `size` zero bytes that have no name anywhere: a memfd, or an unlinked temporary file."""
    if sys.platform == "linux":
        descriptor = kernel.memfd_create("cwm")
    else:  # untested
        import tempfile

        descriptor, path = tempfile.mkstemp(prefix="cwm-")
        with contextlib.suppress(PermissionError):  # Windows keeps the name as long as the file is open
            os.unlink(path)  # noqa: PTH108 - the descriptor is what is kept
    os.ftruncate(descriptor, size)
    return descriptor


def seal(descriptor: int, *, writing: bool = False) -> None:
    """Fix the size of an anonymous file for good, and with `writing` its content too.

    A file that could shrink would make whoever reads its mapping die of SIGBUS. Without memfds there is
    nothing to seal; there the child's having no descriptor of the file must do.
    """
    if sys.platform == "linux":
        import fcntl

        seals = _SEAL_SEAL | _SEAL_SHRINK | _SEAL_GROW | (_SEAL_WRITE if writing else 0)
        fcntl.fcntl(descriptor, _ADD_SEALS, seals)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _encode_texts(array: Array) -> tuple[Array, Array]:
    """All strings one after the other as UTF-8, and where each begins; the last offset is the end."""
    encoded = []
    for text in array.flat:
        if not isinstance(text, str):
            raise TypeError(f"shared object arrays hold text only, not {type(text).__name__}")
        encoded.append(text.encode("utf-8", "surrogatepass"))
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def _decode_texts(content: bytes, offsets: Array, shape: list[int]) -> Array:
    array = np.empty(len(offsets) - 1, dtype=object)
    bounds = offsets.tolist()
    for index, (start, stop) in enumerate(itertools.pairwise(bounds)):
        array[index] = content[start:stop].decode("utf-8", "surrogatepass")
    return array.reshape(shape)
