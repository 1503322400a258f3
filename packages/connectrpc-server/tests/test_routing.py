"""Mounting an application below a path."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue

PROTO = ("content-type", "application/proto")
BODY = StringValue(value="hi").SerializeToString()


def test_the_path_of_an_application_is_that_of_its_service(host):
    assert host.application().path == "/test.v1.Echo"


@pytest.mark.parametrize("root", ["", "/api", "/api/", "/a/b/c"])
def test_an_application_may_be_mounted_below_any_prefix(host, make_request, root):
    request = make_request("/test.v1.Echo/Unary", root=root.rstrip("/"), headers=[PROTO], body=BODY)
    assert host.call(host.application(), request).status == 200


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_an_application_may_be_mounted_at_its_own_path(host, make_request, prefix):
    app = host.application()
    request = make_request("/Unary", root=prefix + app.path, headers=[PROTO], body=BODY)
    assert host.call(app, request).status == 200


@pytest.mark.parametrize("path", ["/other/test.v1.Echo/Unary", "/Unary", "/test.v1.EchoX/Unary"])
def test_other_paths_are_not_found(host, make_request, path):
    request = make_request(path, headers=[PROTO], body=BODY)
    assert host.call(host.application(), request).status == 404
