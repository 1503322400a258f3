"""Compressed data in small parts, for formats in which one body may hold many members."""

from collections.abc import Iterator

# In bytes. After each member, a decompressor returns a copy of the input that follows it. With
# small steps that copy is short, so the time for many tiny members does not grow quadratically.
_STEP = 16 * 1024


def input_steps(data: bytes) -> Iterator[bytes]:
    """Yield the data in order, in parts that are cheap to copy."""
    if len(data) <= _STEP:
        return iter((data,))
    return (data[start : start + _STEP] for start in range(0, len(data), _STEP))
