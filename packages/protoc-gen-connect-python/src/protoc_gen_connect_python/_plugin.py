"""The process: a request on standard input, a response on standard output."""

import sys
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import get_args

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import Edition
from google.protobuf.message import DecodeError

from protoc_gen_connect_python._errors import PluginError
from protoc_gen_connect_python._imports.relative import module_path, module_stem
from protoc_gen_connect_python._options import KNOWN_OPTIONS, parse_options
from protoc_gen_connect_python._proto.descriptors import message_types
from protoc_gen_connect_python._proto.model import File, build_file
from protoc_gen_connect_python._rendering.header import Role, generated_module
from protoc_gen_connect_python._rendering.pages import pages
from protoc_gen_connect_python._rendering.renderer import Renderer

NAME = "protoc-gen-connect-python"
_HELP = f"""\
{NAME} generates typed Connect RPC clients and servers for Python.

It is a plugin of protoc and buf, and reads their request from standard input:

    protoc --python_out=gen --pyi_out=gen --connect-python_out=gen acme/eliza/v1/eliza.proto
    protoc --connect-python_out=side=client,io=async:gen ...

Options of the plugin: {KNOWN_OPTIONS}

Options of this command: --help, --version
"""


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Answers a command line; returns the exit status."""
    if arguments:
        return _answer(arguments[0])
    if sys.stdin.isatty():
        print(_HELP, end="", file=sys.stderr)
        return 2
    try:
        request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    except DecodeError:
        return _refuse("standard input holds no request of protoc; see --help")
    sys.stdout.buffer.write(respond(request).SerializeToString(deterministic=True))
    sys.stdout.flush()
    return 0


def respond(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """The response to a request; what is wrong with it becomes the response's one-line error."""
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


def _files(request: CodeGeneratorRequest, naming: str) -> list[File]:
    messages = message_types(request.proto_file)
    folders = {module_stem(file.name).rpartition(".")[0] for file in request.proto_file}
    wanted = set(request.file_to_generate)
    files: dict[str, File] = {}
    for descriptor in request.proto_file:
        file = build_file(descriptor, messages, naming) if descriptor.name in wanted else None
        if file is not None:
            _refuse_shared_paths(file, files, folders)
            files[file.module] = file
    return list(files.values())


def _refuse_shared_paths(file: File, others: Mapping[str, File], folders: Collection[str]) -> None:
    if other := others.get(file.module):
        raise PluginError(f"its Python modules would be those of {other.source}", file.source)
    for module in map(partial(generated_module, file), get_args(Role)):
        # Python would take the module and never look into the folder of the same name.
        if hidden := [folder for folder in folders if f"{folder}.".startswith(f"{module}.")]:
            path = hidden[0].replace(".", "/")
            raise PluginError(f"its module {module_path(module)} would hide {path}/", file.source)


def _answer(argument: str) -> int:
    if argument in ("-h", "--help"):
        print(_HELP, end="")
    elif argument in ("-V", "--version"):
        print(NAME, version(NAME))
    else:
        return _refuse(f"unknown argument {argument!r}; see --help")
    return 0


def _refuse(message: str) -> int:
    print(f"{NAME}: {message}", file=sys.stderr)
    return 2


def _internal_error(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename}:{frame.lineno}"
    return " ".join(f"internal error at {place}: {type(error).__name__}: {error}".split())
