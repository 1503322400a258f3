"""Messages, methods and settings that the tests of several modules share."""

from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import HealthCheck, settings

from connectrpc_protocol import IdempotencyLevel, Method, MethodKind
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.options import ServerOptions, server_compressions

# 75 examples find the usual faults and take about a second. The time limits of hypothesis are off,
# because other tests keep the processor busy at the same time.
bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])

HELLO = StringValue(value="hello")
HELLO_BYTES = HELLO.SerializeToString()
HELLO_ENVELOPE = pack(0, HELLO_BYTES)
LONG = StringValue(value="hello " * 1000)
MIB = 1024 * 1024


def echo_method(
    kind: MethodKind, level: IdempotencyLevel = IdempotencyLevel.UNKNOWN
) -> Method[StringValue, StringValue]:
    return Method(
        service="acme.v1.EchoService",
        name="Echo",
        kind=kind,
        request=StringValue,
        response=StringValue,
        idempotency=level,
    )


def server_options(**options: object) -> ServerOptions:
    """Return the options of a server, with the default compressions."""
    return ServerOptions(**({"compressions": server_compressions(None)} | options))
