"""The content types of gRPC-Web. Source: PROTOCOL-WEB.md, "Content-Type"."""

from typing import Final

PROTOCOL: Final = "grpc-web"
CONTENT_TYPE_PREFIX = "application/grpc-web"
TEXT_CONTENT_TYPE_PREFIX = "application/grpc-web-text"
