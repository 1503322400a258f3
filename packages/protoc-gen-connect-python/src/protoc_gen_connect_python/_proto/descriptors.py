"""Finds messages, comments and positions in the descriptors that protoc sends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, SourceCodeInfo

from protoc_gen_connect_python._proto.comments import clean

Path = tuple[int, ...]
"""The path of a declaration, as `SourceCodeInfo.Location` defines it in descriptor.proto."""

SERVICE = FileDescriptorProto.SERVICE_FIELD_NUMBER


@dataclass(frozen=True)
class MessageType:
    """A message type, the proto file that declares it, and its name in that file.

    `path` has several parts if the message is nested in other messages.
    """

    full_name: str
    file: str
    path: tuple[str, ...]


def message_types(files: Iterable[FileDescriptorProto]) -> dict[str, MessageType]:
    """Return all message types of a request.

    A key is the full name with a leading dot, as descriptors spell it.
    """
    return {
        ".".join(["", *filter(None, [file.package]), *path]): MessageType(
            ".".join([*filter(None, [file.package]), *path]), file.name, path
        )
        for file in files
        for path in _paths(file.message_type, ())
    }


def _paths(
    messages: Iterable[DescriptorProto], outer: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    for message in messages:
        path = (*outer, message.name)
        yield path
        yield from _paths(message.nested_type, path)


class SourceInfo:
    """The comments of the services and the methods of one file, and their positions."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file.name
        # Most locations are those of messages and fields, which the plugin does not need.
        self._locations: dict[Path, SourceCodeInfo.Location] = {
            tuple(path): location
            for location in file.source_code_info.location
            if (path := location.path) and path[0] == SERVICE
        }

    def comment(self, path: Path) -> str:
        """Return the comment above a declaration, or else the one after it, or else nothing."""
        location = self._locations.get(path)
        if location is None:
            return ""
        return clean(location.leading_comments) or clean(location.trailing_comments)

    def position(self, path: Path) -> str:
        """Return `file:line:column` as compilers write it, or the file if the line is unknown."""
        location = self._locations.get(path)
        if location is None:
            return self._file
        line, column, *_ = location.span
        return f"{self._file}:{line + 1}:{column + 1}"
