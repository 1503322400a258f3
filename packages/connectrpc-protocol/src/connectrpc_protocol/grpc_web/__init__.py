"""The gRPC-Web protocol: gRPC with its trailers in the body (grpc/grpc, doc/PROTOCOL-WEB.md)."""
