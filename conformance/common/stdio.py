"""Messages on standard input and output.

The suite's runner talks to a program this way. Each message follows its length: four bytes,
big-endian.
"""

import struct
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO, TypeVar

from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_LENGTH = struct.Struct(">I")
_writing = threading.Lock()


def read_messages(message_type: type[M]) -> Iterator[M]:
    """Yield the messages on standard input until it ends."""
    while prefix := sys.stdin.buffer.read(_LENGTH.size):
        (size,) = _LENGTH.unpack(prefix)
        yield message_type.FromString(_read(sys.stdin.buffer, size))


def write_message(message: Message) -> None:
    """Write a message to standard output. Any thread may call this."""
    data = message.SerializeToString()
    with _writing:
        sys.stdout.buffer.write(_LENGTH.pack(len(data)) + data)
        sys.stdout.buffer.flush()


def _read(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("standard input ended inside a message")
    return data
