"""The options of `JsonCodec`, on servers and clients, in every protocol."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import connectrpc_client
import connectrpc_server
from connectrpc_client import (
    Client,
    ClientSync,
    Code,
    ConnectError,
    IdempotencyLevel,
    Method,
    MethodKind,
    RequestContext,
)
from connectrpc_client.testing import (
    ASGITransport,
    ASGITransportSync,
    WSGITransport,
    WSGITransportAsync,
)
from connectrpc_protocol import JsonCodec, ProtoCodec
from connectrpc_server import ASGIApplication, Handler, HandlerSync, WSGIApplication

Field = FieldDescriptorProto


def message_types(path: str, add: Callable[[FileDescriptorProto], None]) -> DescriptorPool:
    """Return a pool that has `google.protobuf.Any` and a file with the package `t`."""
    pool = DescriptorPool()
    any_file = FileDescriptorProto()
    AnyMessage.DESCRIPTOR.file.CopyToProto(any_file)
    pool.Add(any_file)
    file = FileDescriptorProto(name=path, package="t", syntax="proto3")
    file.dependency.append(any_file.name)
    add(file)
    pool.Add(file)
    return pool


def add_box(file: FileDescriptorProto) -> None:
    color = file.enum_type.add(name="Color")
    color.value.add(name="RED", number=0)
    color.value.add(name="BLUE", number=1)
    box = file.message_type.add(name="Box")
    optional, repeated = Field.LABEL_OPTIONAL, Field.LABEL_REPEATED
    box.field.add(name="user_name", number=1, type=Field.TYPE_STRING, label=optional)
    box.field.add(
        name="color", number=2, type=Field.TYPE_ENUM, label=optional, type_name=".t.Color"
    )
    box.field.add(name="numbers", number=3, type=Field.TYPE_INT32, label=repeated)
    box.field.add(
        name="item",
        number=4,
        type=Field.TYPE_MESSAGE,
        label=optional,
        type_name=".google.protobuf.Any",
    )


def add_secret(file: FileDescriptorProto) -> None:
    secret = file.message_type.add(name="Secret")
    for number, (name, kind) in enumerate(
        [("file_data", Field.TYPE_BYTES), ("size", Field.TYPE_INT32)], start=1
    ):
        secret.field.add(name=name, number=number, type=kind, label=Field.LABEL_OPTIONAL)
    secret.field.add(
        name="inner",
        number=3,
        type=Field.TYPE_MESSAGE,
        label=Field.LABEL_OPTIONAL,
        type_name=".google.protobuf.Any",
    )
    secret.field.add(
        name="next",
        number=4,
        type=Field.TYPE_MESSAGE,
        label=Field.LABEL_OPTIONAL,
        type_name=".t.Secret",
    )


def class_of(pool: DescriptorPool, name: str) -> type[Any]:
    return GetMessageClass(pool.FindMessageTypeByName(name))


POOL = message_types("secret.proto", add_secret)
Secret = class_of(POOL, "t.Secret")
Box = class_of(message_types("box.proto", add_box), "t.Box")
URL = "type.googleapis.com/t.Secret"
UNKNOWN = "type.googleapis.com/t.Unknown"

ECHO = Method(
    service="t.Boxes",
    name="Echo",
    kind=MethodKind.UNARY,
    request=Box,
    response=Box,
    idempotency=IdempotencyLevel.NO_SIDE_EFFECTS,
)
ECHO_EACH = Method(
    service="t.Boxes", name="EchoEach", kind=MethodKind.BIDI_STREAM, request=Box, response=Box
)


class Boxes:
    """Sends every box back. A box of the user `fail` makes the call fail, with the box as detail.

    A box of the user `unknown` gets an item of a type that no pool has.
    """

    def reply(self, box: Any) -> Any:
        if box.user_name == "fail":
            raise ConnectError(Code.ABORTED, "failed", details=[box])
        if box.user_name == "unknown":
            return box_with(UNKNOWN, b"")
        return box


class BoxesASGI(ASGIApplication[Boxes]):
    service_name = "t.Boxes"

    def handlers(self, service: Boxes) -> list[Any]:
        async def echo(box: Message, ctx: RequestContext) -> Message:
            return service.reply(box)

        async def echo_each(boxes: AsyncIterator[Message], ctx: RequestContext) -> Any:
            async for box in boxes:
                yield service.reply(box)

        return [Handler.unary(ECHO, echo), Handler.bidi_stream(ECHO_EACH, echo_each)]


class BoxesWSGI(WSGIApplication[Boxes]):
    service_name = "t.Boxes"

    def handlers(self, service: Boxes) -> list[Any]:
        def echo(box: Message, ctx: RequestContext) -> Message:
            return service.reply(box)

        def echo_each(boxes: Iterator[Message], ctx: RequestContext) -> Iterator[Message]:
            return map(service.reply, boxes)

        return [HandlerSync.unary(ECHO, echo), HandlerSync.bidi_stream(ECHO_EACH, echo_each)]


def box_with(url: str = URL, value: bytes | None = None) -> Any:
    """Return a box with an item, by default a `Secret`, which only `POOL` has."""
    box = Box()
    box.item.type_url = url
    box.item.value = (
        Secret(file_data=b"abc", size=3).SerializeToString() if value is None else value
    )
    return box


EMPTY: dict[str, object] = {}


class RawJson:
    """Sends the given bytes in place of JSON, and keeps the bytes that it receives."""

    name = "json"

    def __init__(self, sent: object = EMPTY) -> None:
        self.sent = json.dumps(sent).encode()
        self.received: list[bytes] = []

    def encode(self, message: Message) -> bytes:
        return self.sent

    encode_stable = encode

    def decode(self, data: bytes, message_type: type[Message]) -> Message:
        self.received.append(data)
        return message_type()

    @property
    def value(self) -> object:
        """The JSON value that was received."""
        (data,) = self.received
        return json.loads(data)


class AsyncCaller(Client):
    """Makes each call in an event loop of its own."""

    def unary(self, box: Message, **options: Any) -> list[Message]:
        async def call() -> list[Message]:
            return [(await self._call_unary(ECHO, box, **options)).message]

        return asyncio.run(call())

    def stream(self, box: Message) -> list[Message]:
        async def call() -> list[Message]:
            return [each async for each in self._bidi_stream(ECHO_EACH, [box])]

        return asyncio.run(call())


class SyncCaller(ClientSync):
    def unary(self, box: Message, **options: Any) -> list[Message]:
        return [self._call_unary(ECHO, box, **options).message]

    def stream(self, box: Message) -> list[Message]:
        return list(self._bidi_stream(ECHO_EACH, [box]))


HOSTS = {
    "asgi-sync": (SyncCaller, ASGITransportSync, BoxesASGI),
    "asgi-async": (AsyncCaller, ASGITransport, BoxesASGI),
    "wsgi-sync": (SyncCaller, WSGITransport, BoxesWSGI),
    "wsgi-async": (AsyncCaller, WSGITransportAsync, BoxesWSGI),
}
Connect = Callable[..., Any]


@pytest.fixture(params=["connect", "grpc", "grpc-web"])
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=HOSTS)
def connect(request: pytest.FixtureRequest, protocol: str) -> Connect:
    """Return a client with one codec of a server with another one."""
    caller, transport, application = HOSTS[request.param]

    def connected(client: Any, server: Any, **options: Any) -> Any:
        app = application(Boxes(), codecs=[ProtoCodec(), server])
        http_client: Any = transport(app)
        return caller(
            "http://test", http_client=http_client, protocol=protocol, codec=client, **options
        )

    return connected


@pytest.fixture(params=["unary", "stream"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def test_clients_and_servers_export_the_codecs() -> None:
    for module in (connectrpc_client, connectrpc_server):
        assert (module.JsonCodec, module.ProtoCodec) == (JsonCodec, ProtoCodec)
        assert {"JsonCodec", "ProtoCodec"} <= set(module.__all__)


WRITTEN = [
    ({}, {"userName": "Ada", "color": "BLUE"}),
    ({"preserving_proto_field_name": True}, {"user_name": "Ada", "color": "BLUE"}),
    ({"use_integers_for_enums": True}, {"userName": "Ada", "color": 1}),
    (
        {"always_print_fields_with_no_presence": True},
        {"userName": "Ada", "color": "BLUE", "numbers": []},
    ),
]


@pytest.mark.parametrize(("options", "expected"), WRITTEN)
def test_a_server_writes_as_its_codec_says(
    connect: Connect, kind: str, options: dict[str, Any], expected: object
) -> None:
    raw = RawJson({"userName": "Ada", "color": "BLUE"})
    getattr(connect(raw, JsonCodec(**options)), kind)(Box())
    assert raw.value == expected


@pytest.mark.parametrize(("options", "expected"), WRITTEN)
def test_a_client_writes_as_its_codec_says(
    connect: Connect, kind: str, options: dict[str, Any], expected: object
) -> None:
    raw = RawJson()
    getattr(connect(JsonCodec(**options), raw), kind)(Box(user_name="Ada", color=1))
    assert raw.value == expected


def test_all_forms_are_read_with_all_options(connect: Connect, kind: str) -> None:
    writer = JsonCodec(
        always_print_fields_with_no_presence=True,
        preserving_proto_field_name=True,
        use_integers_for_enums=True,
    )
    box = Box(user_name="Ada", color=1, numbers=[1])
    for client, server in ((JsonCodec(), writer), (writer, JsonCodec())):
        assert getattr(connect(client, server), kind)(box) == [box]


def test_an_any_of_a_type_that_only_the_pool_has_survives(connect: Connect, kind: str) -> None:
    codec = JsonCodec(descriptor_pool=POOL, ignore_unknown_fields=False)
    nested = box_with()
    outer = Secret()
    outer.inner.type_url, outer.inner.value = URL, nested.item.value
    for box in (nested, box_with(value=outer.SerializeToString())):
        (got,) = getattr(connect(codec, codec), kind)(box)
        # Protobuf in pure Python cannot compare an `Any` of a type that the default pool lacks.
        assert got.SerializeToString() == box.SerializeToString()


FAULTY = [
    [],
    "text",
    {"[t.newer]": 1},
    {"item": []},
    {"item": "text"},
    {"item": {"@type": UNKNOWN}},
    {"item": {"@type": 5}},
    {"item": {"size": 1}},
    {"item": {"@type": URL, "fileData": "!!!!"}},
    {"item": {"@type": URL, "file_data": "YQ="}},
    {"item": {"@type": URL, "next": []}},
    {"item": {"@type": URL, "next": {"next": {"fileData": "!!!!"}}}},
    {"item": {"@type": URL, "inner": "text"}},
    {"item": {"@type": URL, "inner": {"@type": UNKNOWN}}},
    {"item": {"@type": URL, "inner": {"@type": URL, "fileData": "!!!!"}}},
    {"item": {"@type": URL, "inner": {"@type": "t/google.protobuf.Any", "value": []}}},
]
UNKNOWN_FIELDS = [
    {"newer": 1},
    {"": 1},
    {"a\nb\0": 1},
    {"n" * 10_000: 1},
    {"color": "GREEN"},
    {"item": {"@type": URL, "newer": 1}},
    {"item": {"@type": URL, "next": {"newer": 1}}},
    {"item": {"@type": URL, "inner": {"@type": URL, "newer": 1}}},
    {"item": {"@type": "t/google.protobuf.Any", "value": {}, "newer": 1}},
]
PERMISSIVE = JsonCodec(descriptor_pool=POOL)
STRICT = JsonCodec(
    descriptor_pool=POOL,
    ignore_unknown_fields=False,
    always_print_fields_with_no_presence=True,
    preserving_proto_field_name=True,
    use_integers_for_enums=True,
)
REFUSED = [
    *((PERMISSIVE, value) for value in FAULTY),
    *((STRICT, value) for value in [*FAULTY, *UNKNOWN_FIELDS, {"\ud800": 1}]),
]


@pytest.mark.parametrize(("codec", "value"), REFUSED)
def test_a_server_refuses_faulty_requests(
    connect: Connect, codec: JsonCodec, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in ("unary", "stream"):
        raw = RawJson(value)
        with pytest.raises(ConnectError) as caught:
            getattr(connect(raw, codec), kind)(Box())
        assert caught.value.code is Code.INVALID_ARGUMENT
        assert caught.value.message.startswith("cannot decode t.Box from json: ")
        assert "\n" not in caught.value.message
    assert caplog.records == []


@pytest.mark.parametrize(("codec", "value"), REFUSED)
def test_a_client_refuses_faulty_responses(
    connect: Connect, codec: JsonCodec, value: object
) -> None:
    for kind in ("unary", "stream"):
        raw = RawJson(value)
        with pytest.raises(ConnectError) as caught:
            getattr(connect(codec, raw), kind)(Box())
        assert caught.value.code is Code.INTERNAL
        assert caught.value.message.startswith("cannot decode t.Box from json: ")


@pytest.mark.parametrize("value", UNKNOWN_FIELDS)
def test_unknown_fields_are_ignored_by_default(connect: Connect, value: object) -> None:
    raw = RawJson(value)
    connect(raw, PERMISSIVE).unary(Box())
    assert isinstance(raw.value, dict)


def test_the_default_pool_does_not_have_the_types_of_another_pool(
    connect: Connect, kind: str
) -> None:
    value = {"item": {"@type": URL, "size": 1}}
    with pytest.raises(ConnectError, match="invalid_argument: cannot decode"):
        getattr(connect(RawJson(value), JsonCodec()), kind)(Box())


@pytest.mark.parametrize("codec", [JsonCodec(), PERMISSIVE, STRICT])
def test_a_response_with_an_any_of_an_unknown_type_is_internal(
    connect: Connect, kind: str, codec: JsonCodec, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConnectError) as caught:
        getattr(connect(RawJson({"userName": "unknown"}), codec), kind)(Box())
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message.startswith("cannot encode t.Box to json: ")
    assert "t.Unknown" in caught.value.message
    assert caplog.records == []


@pytest.mark.parametrize(
    ("url", "value"), [(URL, b"\x0a\xff"), (UNKNOWN, b""), ("", b"\x0a\x00"), ("t/", b"")]
)
def test_a_request_with_an_any_that_cannot_be_unpacked_is_internal(
    connect: Connect, kind: str, url: str, value: bytes
) -> None:
    with pytest.raises(ConnectError) as caught:
        getattr(connect(PERMISSIVE, RawJson()), kind)(box_with(url, value))
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message.startswith("cannot encode t.Box to json: ")


def test_the_details_of_errors_do_not_depend_on_the_codec(connect: Connect, kind: str) -> None:
    for codec in (JsonCodec(), STRICT):
        box = Box(user_name="fail", color=1)
        with pytest.raises(ConnectError) as caught:
            getattr(connect(codec, codec), kind)(box)
        (detail,) = caught.value.details
        assert detail.unpack(Box) == box


@pytest.mark.parametrize("host", HOSTS)
def test_get_sends_the_json_of_the_codec(host: str) -> None:
    class Query:
        value = ""

        async def on_start(self, ctx: RequestContext) -> None:
            self.on_start_sync(ctx)

        async def on_end(self, token: None, ctx: RequestContext, error: object) -> None: ...

        def on_start_sync(self, ctx: RequestContext) -> None:
            Query.value = ctx.http_method

        def on_end_sync(self, token: None, ctx: RequestContext, error: object) -> None: ...

    caller, transport, application = HOSTS[host]
    box = Box(user_name="Ada", color=1, numbers=[2])
    for codec, expected in (
        (JsonCodec(), b'{"color":"BLUE","numbers":[2],"userName":"Ada"}'),
        (STRICT, b'{"color":1,"numbers":[2],"user_name":"Ada"}'),
    ):
        received = RawJson()
        app = application(Boxes(), codecs=[received], interceptors=[Query()])
        http_client: Any = transport(app)
        caller("http://test", http_client=http_client, codec=codec).unary(box, use_get=True)
        assert (Query.value, received.received) == ("GET", [expected])


@pytest.mark.parametrize("host", HOSTS)
def test_get_with_an_any_of_an_unknown_type_is_internal(host: str) -> None:
    caller, transport, application = HOSTS[host]
    http_client: Any = transport(application(Boxes()))
    client = caller("http://test", http_client=http_client, codec=PERMISSIVE)
    with pytest.raises(ConnectError, match="internal: cannot encode"):
        client.unary(box_with(UNKNOWN), use_get=True)
