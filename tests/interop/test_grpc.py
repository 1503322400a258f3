"""gRPC between grpcio and connectrpc, async and sync: each test runs on each pair.

grpcio's clients also call grpcio's servers. This proves that the tests expect grpcio's behaviour.
"""

import uuid
from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from tests.interop.matrix import CLIENTS, OUR_SERVERS, SERVERS

MEGABYTE = 1_000_000
PLENTY = 60.0
"""A timeout in seconds that does not expire during a test."""


def pairs(*, without: tuple[str, ...] = (), servers: Iterable[str] = SERVERS) -> Any:
    """Parametrize a test by client and server."""
    names = [(client, server) for server in servers if server not in without for client in CLIENTS]
    return pytest.mark.parametrize(("client_name", "server_name"), names)


@pytest.fixture
def url(server_name: str, url_of: Callable[[str], str]) -> str:
    return url_of(server_name)


@pytest.fixture
def client(client_name: str, url: str, make_client: Callable[..., Any]) -> Any:
    return make_client(client_name, url)


@pytest.fixture
def key() -> str:
    """Return a key that the server uses to tell the calls of this test from all others."""
    return str(uuid.uuid4())


@pytest.fixture
def failing(generated: object) -> Any:
    """Expect a call to fail: `with failing() as caught`."""
    from clients.interface import CallError

    return partial(pytest.raises, CallError)


def has_happened(client: Any, pb: ModuleType, key: str, event: str) -> bool:
    return client.unary("Observe", pb.ObserveRequest(key=key, event=event)).message.happened


# The four kinds of RPC.


@pairs()
def test_unary(client: Any, pb: ModuleType) -> None:
    response = client.unary("Echo", pb.EchoRequest(text="Grüße", data=b"\0\xff"))
    assert response.message == pb.EchoResponse(text="Grüße", data=b"\0\xff")


@pairs()
def test_empty_messages(client: Any, pb: ModuleType) -> None:
    assert client.unary("Echo", pb.EchoRequest()).message == pb.EchoResponse()


@pairs()
def test_client_stream(client: Any, pb: ModuleType) -> None:
    requests = [pb.EchoRequest(text=text) for text in ("one", "two", "three")]
    assert client.client_stream("Collect", requests).message.text == "one two three"


@pairs()
def test_empty_client_stream(client: Any, pb: ModuleType) -> None:
    assert client.client_stream("Collect", []).message == pb.EchoResponse()


@pairs()
def test_server_stream(client: Any, pb: ModuleType) -> None:
    response = client.server_stream("Repeat", pb.RepeatRequest(text="again", times=500))
    assert [message.number for message in response.messages] == list(range(1, 501))


@pairs()
def test_empty_server_stream(client: Any, pb: ModuleType) -> None:
    assert client.server_stream("Repeat", pb.RepeatRequest(times=0)).messages == []


@pairs()
def test_ping_pong(client: Any, pb: ModuleType) -> None:
    stream = client.open_bidi_stream("Chat")
    for number in range(20):
        stream.send(pb.EchoRequest(text=str(number)))
        assert stream.receive().text == str(number)
    stream.half_close()
    assert stream.receive() is None


@pairs()
def test_server_ends_a_bidi_stream_before_the_client(client: Any, pb: ModuleType) -> None:
    stream = client.open_bidi_stream("Chat")
    stream.send(pb.EchoRequest(text="bye"))
    assert stream.receive().text == "bye"
    assert stream.receive() is None
    stream.cancel()


@pairs()
def test_empty_bidi_stream(client: Any, pb: ModuleType) -> None:
    stream = client.open_bidi_stream("Chat")
    stream.half_close()
    assert stream.receive() is None


# Metadata.

METADATA = [
    ("interop-text", "one, two"),
    ("interop-many", "first"),
    ("interop-many", "second"),
    ("interop-bytes-bin", bytes(range(256))),
    ("interop-empty-bin", b""),
]
RETURNED = {
    "interop-text": ["one, two"],
    "interop-many": ["first", "second"],
    "interop-bytes-bin": [bytes(range(256))],
    "interop-empty-bin": [b""],
}


def assert_returned(received: Any, prefix: str, server_name: str) -> None:
    for name, values in RETURNED.items():
        # A WSGI environ has one string for each name.
        is_joined = server_name == "pyvoy-wsgi" and name == "interop-many"
        assert received[prefix + name] == (["first,second"] if is_joined else values)


@pairs()
@pytest.mark.parametrize("rpc", ["Echo", "Collect", "Repeat"])
def test_metadata(client: Any, pb: ModuleType, server_name: str, rpc: str) -> None:
    if rpc == "Echo":
        response = client.unary(rpc, pb.EchoRequest(), metadata=METADATA)
    elif rpc == "Collect":
        response = client.client_stream(rpc, [pb.EchoRequest()], metadata=METADATA)
    else:
        response = client.server_stream(rpc, pb.RepeatRequest(times=2), metadata=METADATA)
    assert_returned(response.headers, "", server_name)
    assert_returned(response.trailers, "trailing-", server_name)


@pairs()
def test_metadata_of_an_error(client: Any, pb: ModuleType, failing: Any, server_name: str) -> None:
    with failing() as caught:
        client.unary("Fail", pb.FailRequest(code=5), metadata=METADATA)
    assert_returned(caught.value.trailers, "trailing-", server_name)


# Errors.

CODES = (
    *("canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found"),
    *("already_exists", "permission_denied", "resource_exhausted", "failed_precondition"),
    *("aborted", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss"),
    "unauthenticated",
)


@pairs()
def test_every_code(client: Any, pb: ModuleType, failing: Any) -> None:
    for number, name in enumerate(CODES, 1):
        with failing() as caught:
            client.unary("Fail", pb.FailRequest(code=number, message=f"this is {name}"))
        assert (caught.value.code, caught.value.message) == (name, f"this is {name}")


@pairs()
@pytest.mark.parametrize("message", ["Größe, 大きさ, 🦉", "100 % of %41\n\ttwo lines", ""])
def test_message_of_an_error(client: Any, pb: ModuleType, failing: Any, message: str) -> None:
    with failing() as caught:
        client.unary("Fail", pb.FailRequest(code=5, message=message))
    assert caught.value.message == message


@pairs()
def test_details_of_an_error(client: Any, pb: ModuleType, failing: Any) -> None:
    from google.protobuf.any_pb2 import Any as AnyMessage

    request = pb.FailRequest(code=9, message="not so")
    for text in ("try this", "or that"):
        detail = AnyMessage()
        detail.Pack(pb.EchoResponse(text=text, data=bytes(range(256))))
        request.details.append(detail)
    with failing() as caught:
        client.unary("Fail", request)
    assert (caught.value.code, caught.value.message) == ("failed_precondition", "not so")
    assert caught.value.details == list(request.details)


@pairs()
def test_error_after_messages(client: Any, pb: ModuleType, failing: Any) -> None:
    with failing() as caught:
        client.server_stream("FailLate", pb.FailRequest(code=15, message="half of it is lost"))
    assert [message.text for message in caught.value.messages] == ["so far"]
    assert (caught.value.code, caught.value.message) == ("data_loss", "half of it is lost")


@pairs()
@pytest.mark.parametrize(
    ("service", "rpc"), [("InteropService", "Missing"), ("AbsentService", "Echo")]
)
def test_unimplemented(client: Any, pb: ModuleType, failing: Any, service: str, rpc: str) -> None:
    with failing() as caught:
        client.unary(rpc, pb.EchoRequest(), service=service)
    assert caught.value.code == "unimplemented"


# Deadlines.


@pairs()
def test_handler_reads_its_deadline(client: Any, pb: ModuleType) -> None:
    response = client.unary("Remaining", pb.RemainingRequest(), timeout=PLENTY)
    # grpcio rounds timeouts up a little when it sends them.
    assert 0 < response.message.remaining_ms <= PLENTY * 1010


@pairs()
def test_handler_without_a_deadline(client: Any, pb: ModuleType) -> None:
    response = client.unary("Remaining", pb.RemainingRequest())
    assert not response.message.HasField("remaining_ms")


@pairs()
def test_deadline_of_a_unary_call(client: Any, pb: ModuleType, failing: Any, key: str) -> None:
    with failing() as caught:
        client.unary("Wait", pb.WaitRequest(key=key), timeout=0.3)
    assert caught.value.code == "deadline_exceeded"


@pairs()
def test_deadline_of_a_stream(client: Any, pb: ModuleType, failing: Any, key: str) -> None:
    client.unary("Echo", pb.EchoRequest())  # connect, so that the deadline covers the stream alone
    with failing() as caught:
        client.server_stream("Tick", pb.WaitRequest(key=key), timeout=0.8)
    assert caught.value.code == "deadline_exceeded"
    assert caught.value.messages
    assert has_happened(client, pb, key, "canceled")


@pairs(servers=OUR_SERVERS)
def test_default_deadline_of_the_server(
    client: Any, pb: ModuleType, failing: Any, key: str
) -> None:
    with failing() as caught:
        client.unary("Ponder", pb.WaitRequest(key=key), service="ImpatientService")
    assert caught.value.code == "deadline_exceeded"


# Sizes and compression.


@pairs()
def test_large_messages(client: Any, pb: ModuleType) -> None:
    data = bytes(range(256)) * (2 * MEGABYTE // 256)
    assert client.unary("Echo", pb.EchoRequest(data=data)).message.data == data


@pairs()
def test_request_above_the_limit_of_the_server(client: Any, pb: ModuleType, failing: Any) -> None:
    with failing() as caught:
        client.unary("Echo", pb.EchoRequest(data=bytes(5 * MEGABYTE)))
    assert caught.value.code == "resource_exhausted"
    assert client.unary("Echo", pb.EchoRequest(text="works")).message.text == "works"


@pairs()
def test_response_above_the_limit_of_the_client(client: Any, pb: ModuleType, failing: Any) -> None:
    with failing() as caught:
        client.unary("Echo", pb.EchoRequest(reply_size=5 * MEGABYTE))
    assert caught.value.code == "resource_exhausted"
    assert client.unary("Echo", pb.EchoRequest(text="works")).message.text == "works"


@pairs()
def test_gzip(
    client_name: str, url: str, make_client: Callable[..., Any], counting_proxy: Any, pb: ModuleType
) -> None:
    with counting_proxy(url) as proxy:
        client = make_client(client_name, proxy.url, gzip=True)
        data = bytes(MEGABYTE)
        assert client.unary("Echo", pb.EchoRequest(data=data)).message.data == data
        requests = [pb.EchoRequest(text="long " * 1000)] * 20
        assert len(client.client_stream("Collect", requests).message.text) == 100_019
        assert 0 < proxy.sent < MEGABYTE / 20
        assert 0 < proxy.received < MEGABYTE / 20


# Cancellation.


@pairs(without=("pyvoy-wsgi",))  # cancelling cannot interrupt a sync WSGI handler that waits
def test_cancelled_unary_call(client: Any, pb: ModuleType, key: str) -> None:
    running = client.start_unary("Wait", pb.WaitRequest(key=key))
    assert has_happened(client, pb, key, "started")
    assert running.cancel() == "canceled"
    assert has_happened(client, pb, key, "canceled")


@pairs(without=("pyvoy-wsgi",))  # pyvoy reads a WSGI response to its end, even without a client
def test_cancelled_stream(client: Any, pb: ModuleType, key: str) -> None:
    stream = client.start_server_stream("Tick", pb.WaitRequest(key=key))
    assert stream.receive() == pb.WaitResponse()
    stream.cancel()
    assert has_happened(client, pb, key, "canceled")


# Concurrent calls.


@pairs()
def test_calls_at_the_same_time(
    client_name: str,
    url: str,
    make_client: Callable[..., Any],
    counting_proxy: Any,
    pb: ModuleType,
    key: str,
) -> None:
    with counting_proxy(url) as proxy:
        client = make_client(client_name, proxy.url)
        client.unary("Echo", pb.EchoRequest())  # connect; all later calls share the connection
        client.unary_concurrently("Meet", [pb.MeetRequest(key=key, guests=50)] * 50)
        assert proxy.connections == 1


@pairs()
def test_many_calls(client: Any, pb: ModuleType) -> None:
    requests = [pb.EchoRequest(text=str(number)) for number in range(200)]
    replies = client.unary_concurrently("Echo", requests)
    assert [reply.text for reply in replies] == [request.text for request in requests]
