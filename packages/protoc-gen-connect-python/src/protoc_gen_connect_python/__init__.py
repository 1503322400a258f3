"""The protoc plugin that generates typed Connect RPC clients and servers for Python."""

from protoc_gen_connect_python._naming.python_names import RESERVED_CLIENT_NAMES
from protoc_gen_connect_python._plugin import main

__all__ = ["RESERVED_CLIENT_NAMES", "main"]
