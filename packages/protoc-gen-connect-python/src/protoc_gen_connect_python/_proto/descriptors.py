"""Look-ups in the descriptors that protoc sends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, SourceCodeInfo

from protoc_gen_connect_python._proto import comments

Path = tuple[int, ...]
SERVICE = FileDescriptorProto.SERVICE_FIELD_NUMBER


@dataclass(frozen=True)
class MessageType:
    """A message, where it is declared, and the names that lead to it inside of that file."""

    full_name: str
    file: str
    path: tuple[str, ...]


def message_types(files: Iterable[FileDescriptorProto]) -> dict[str, MessageType]:
    """All messages of the request by full name, which starts with a dot as in descriptors."""
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


class Source:
    """Comments and positions of one file."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file.name
        self._locations: dict[Path, SourceCodeInfo.Location] = {
            tuple(location.path): location for location in file.source_code_info.location
        }

    def comment(self, path: Path) -> str:
        """The comment above a declaration, else the one behind it; without either, nothing."""
        location = self._locations.get(path)
        if location is None:
            return ""
        return comments.clean(location.leading_comments) or comments.clean(
            location.trailing_comments
        )

    def where(self, path: Path) -> str:
        """`file:line:column`, as compilers write it."""
        location = self._locations.get(path)
        if location is None:
            return self._file
        line, column, *_ = location.span
        return f"{self._file}:{line + 1}:{column + 1}"
