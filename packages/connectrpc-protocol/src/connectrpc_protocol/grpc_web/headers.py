"""Headers of gRPC-Web. Source: PROTOCOL-WEB.md, "Content-Type"."""

PROTOCOL = "grpc-web"
CONTENT_TYPE = "application/grpc-web"
TEXT_CONTENT_TYPE = "application/grpc-web-text"
