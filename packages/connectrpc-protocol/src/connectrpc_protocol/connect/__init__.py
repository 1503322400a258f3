"""The Connect protocol. Source: the protocol reference at connectrpc.com/docs/protocol."""
