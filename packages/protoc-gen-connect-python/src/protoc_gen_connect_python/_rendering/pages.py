"""One page per generated module: everything its template shows, in the words that it shows.

A page is put together from the model alone. Its strings are Python that is valid in that module;
the templates only arrange them.
"""

from collections.abc import Iterator

from protoc_gen_connect_python._options import Options
from protoc_gen_connect_python._proto.model import File
from protoc_gen_connect_python._rendering.page_client import ClientPage, client_page
from protoc_gen_connect_python._rendering.page_connect import ConnectPage, connect_page
from protoc_gen_connect_python._rendering.page_server import ServerPage, server_page

__all__ = ["ClientPage", "ConnectPage", "Page", "ServerPage", "pages"]

Page = ConnectPage | ClientPage | ServerPage


def pages(file: File, options: Options) -> Iterator[Page]:
    """The modules to generate for a file."""
    yield connect_page(file, options)
    if options.client:
        yield client_page(file, options)
    if options.server:
        yield server_page(file, options)
