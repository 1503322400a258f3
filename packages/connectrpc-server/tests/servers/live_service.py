"""The functions that `on_asgi.py` and `on_wsgi.py` share."""

from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import Method


def method(name, kind):
    return Method(
        service="test.v1.Live", name=name, kind=kind, request=StringValue, response=StringValue
    )


def announce(port):
    print(f"listening on 127.0.0.1:{port}", flush=True)
