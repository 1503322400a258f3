"""The gRPC protocol (grpc/grpc, doc/PROTOCOL-HTTP2.md)."""
