"""Mounting an application below a path."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue

PROTO = ("content-type", "application/proto")
BODY = StringValue(value="hi").SerializeToString()


def test_path(shell):
    assert shell.application().path == "/test.v1.Echo"


@pytest.mark.parametrize("root", ["", "/api", "/api/", "/a/b/c"])
def test_below_any_prefix(shell, make_request, root):
    request = make_request("/test.v1.Echo/Unary", root=root.rstrip("/"), headers=[PROTO], body=BODY)
    assert shell.call(shell.application(), request).status == 200


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_at_its_own_path(shell, make_request, prefix):
    app = shell.application()
    request = make_request("/Unary", root=prefix + app.path, headers=[PROTO], body=BODY)
    assert shell.call(app, request).status == 200


@pytest.mark.parametrize("path", ["/other/test.v1.Echo/Unary", "/Unary", "/test.v1.EchoX/Unary"])
def test_nowhere_else(shell, make_request, path):
    request = make_request(path, headers=[PROTO], body=BODY)
    assert shell.call(shell.application(), request).status == 404
