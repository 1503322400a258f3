"""Measure the code generator on a request like that of a large tree of proto files."""

from time import process_time

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from protoc_gen_connect_python._plugin import respond

FILES = 200
_METHODS = 8
_FIELDS = 10
_COMMENT = " Reads the resource, checks its parent, and returns the result of the operation.\n" * 5


def milliseconds_per_file() -> float:
    """Return the time for the three modules of a proto file; the best of three runs."""
    request = CodeGeneratorRequest(proto_file=map(_file, range(FILES)))
    request.file_to_generate.extend(file.name for file in request.proto_file)
    return min(_seconds(request) for _ in range(3)) / FILES * 1000


def _seconds(request: CodeGeneratorRequest) -> float:
    start = process_time()
    response = respond(request)
    if response.error:
        raise RuntimeError(response.error)
    return process_time() - start


def _file(number: int) -> FileDescriptorProto:
    """Return a file with one service. All its declarations have comments, as protoc sends them."""
    file = FileDescriptorProto(
        name=f"acme/area{number}/v1/area.proto", package=f"acme.area{number}"
    )
    service = file.service.add(name=f"Area{number}Service")
    _comment(file, 6, 0)
    for index in range(_METHODS):
        for suffix in ("Request", "Response"):
            message = file.message_type.add(name=f"Method{index}{suffix}")
            for field in range(_FIELDS):
                _comment(file, 4, len(file.message_type) - 1, 2, field)
                message.field.add(name=f"field_{field}", number=field + 1)
        prefix = f".{file.package}.Method{index}"
        service.method.add(
            name=f"Method{index}", input_type=f"{prefix}Request", output_type=f"{prefix}Response"
        )
        _comment(file, 6, 0, 2, index)
    return file


def _comment(file: FileDescriptorProto, *path: int) -> None:
    """Add a comment to the declaration with this path (`SourceCodeInfo` in descriptor.proto)."""
    location = file.source_code_info.location.add(leading_comments=_COMMENT)
    location.path.extend(path)
    location.span.extend([len(file.source_code_info.location), 0, 1])
