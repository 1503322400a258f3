"""The protoc plugin that generates typed Connect RPC clients and servers for Python."""

from protoc_gen_connect_python._cli import main
from protoc_gen_connect_python._naming.keywords import RESERVED_CLIENT_NAMES

__all__ = ["RESERVED_CLIENT_NAMES", "main"]
