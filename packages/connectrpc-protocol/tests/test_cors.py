from connectrpc_protocol import cors


def test_the_request_headers_of_browsers_are_allowed() -> None:
    assert cors.ALLOW_METHODS == ("GET", "POST")
    assert cors.ALLOW_HEADERS == (
        "Content-Type",
        "Connect-Protocol-Version",
        "Connect-Timeout-Ms",
        "Connect-Accept-Encoding",
        "Connect-Content-Encoding",
        "Content-Encoding",
        "Grpc-Timeout",
        "X-Grpc-Web",
        "X-User-Agent",
    )


def test_the_response_headers_of_the_protocols_are_exposed() -> None:
    assert cors.EXPOSE_HEADERS == (
        "Content-Encoding",
        "Connect-Content-Encoding",
        "Grpc-Status",
        "Grpc-Message",
        "Grpc-Status-Details-Bin",
    )
