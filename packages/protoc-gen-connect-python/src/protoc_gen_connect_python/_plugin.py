"""The plugin without its process: turns a request of protoc or buf into a response."""

import traceback
from collections.abc import Iterator

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import Edition

from protoc_gen_connect_python._errors import PluginError
from protoc_gen_connect_python._naming.output_files import OutputFiles
from protoc_gen_connect_python._options import parse_options
from protoc_gen_connect_python._proto.descriptors import message_types
from protoc_gen_connect_python._proto.model import ProtoFile, build_file
from protoc_gen_connect_python._rendering.pages import pages
from protoc_gen_connect_python._rendering.renderer import Renderer


def respond(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Return the response to a request.

    An error becomes the one-line `error` of the response, which then contains no files.
    """
    response = CodeGeneratorResponse(
        supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS,
        minimum_edition=Edition.EDITION_PROTO2,
        maximum_edition=Edition.EDITION_2024,
    )
    try:
        response.file.extend(_generate(request))
    except PluginError as error:
        del response.file[:]
        response.error = str(error)
    except Exception as error:
        del response.file[:]
        response.error = _internal_error(error)
    return response


def _generate(request: CodeGeneratorRequest) -> Iterator[CodeGeneratorResponse.File]:
    options = parse_options(request.parameter)
    renderer = Renderer(options.templates)
    for file in _files(request, options.naming):
        for page in pages(file, options):
            content = renderer.render(page)
            yield CodeGeneratorResponse.File(name=page.header.path, content=content)


def _files(request: CodeGeneratorRequest, naming: str) -> list[ProtoFile]:
    messages = message_types(request.proto_file)
    output_files = OutputFiles(descriptor.name for descriptor in request.proto_file)
    wanted = set(request.file_to_generate)
    files: list[ProtoFile] = []
    for descriptor in request.proto_file:
        if descriptor.name in wanted and descriptor.service:
            files.append(build_file(descriptor, messages, naming))
            output_files.claim(descriptor.name)
    return files


def _internal_error(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename}:{frame.lineno}"
    return " ".join(f"internal error at {place}: {type(error).__name__}: {error}".split())
