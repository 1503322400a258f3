"""The pages of a proto file: one for each generated module.

A page contains everything that its template shows. Its strings are Python code that is valid in
that module; the templates only arrange them.
"""

from collections.abc import Iterator

from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import ProtoFile
from protoc_gen_connect_python._rendering.page_client import ClientPage, client_page
from protoc_gen_connect_python._rendering.page_connect import ConnectPage, connect_page
from protoc_gen_connect_python._rendering.page_server import ServerPage, server_page

Page = ConnectPage | ClientPage | ServerPage


def pages(file: ProtoFile, options: Options) -> Iterator[Page]:
    """Build the pages of the modules to generate for a file."""
    yield connect_page(file, options)
    if options.client:
        yield client_page(file, options)
    if options.server:
        yield server_page(file, options)
