from connectrpc_protocol.protocols import CONNECT, GRPC, GRPC_WEB, PROTOCOLS


def test_the_table_lists_every_protocol_once() -> None:
    assert [protocol.name for protocol in PROTOCOLS] == ["connect", "grpc", "grpc-web"]
    assert PROTOCOLS == (CONNECT, GRPC, GRPC_WEB)


def test_only_grpc_needs_trailers() -> None:
    assert [protocol for protocol in PROTOCOLS if protocol.needs_trailers] == [GRPC]


def test_only_connect_has_get() -> None:
    assert [protocol for protocol in PROTOCOLS if protocol.has_get] == [CONNECT]
