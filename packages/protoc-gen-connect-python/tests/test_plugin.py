"""Requests and responses, without the process."""

from collections.abc import Callable

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import EDITION_2024, EDITION_PROTO2

from protoc_gen_connect_python import _plugin

MakeRequest = Callable[..., CodeGeneratorRequest]
Respond = Callable[..., CodeGeneratorResponse]

PROTO = """\
syntax = "proto3";
package acme.v1;
message M {}
service S { rpc Say(M) returns (M); }
"""


def test_features_and_editions_are_declared() -> None:
    response = _plugin.respond(CodeGeneratorRequest())
    assert response.supported_features == (
        CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS
    )
    assert response.minimum_edition == EDITION_PROTO2
    assert response.maximum_edition == EDITION_2024


def test_incomplete_request_is_an_error(make_request: MakeRequest) -> None:
    request = make_request({"acme/v1/s.proto": PROTO}, "")
    del request.proto_file[0].message_type[:]
    response = _plugin.respond(request)
    message = "the request does not contain the message 'acme.v1.M'"
    assert response.error == f"acme/v1/s.proto:4:13: {message}"


def test_file_without_services_has_no_output(respond_to: Respond) -> None:
    response = respond_to({"m.proto": 'syntax = "proto3"; message M {}'})
    assert (response.error, list(response.file)) == ("", [])


def test_error_of_the_plugin_itself_is_one_line(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("first\nsecond")

    monkeypatch.setattr(_plugin, "build_file", fail)
    response = _plugin.respond(make_request({"acme/v1/s.proto": PROTO}, ""))
    assert response.error.startswith(f"internal error at {__file__}:")
    assert response.error.endswith(": ValueError: first second")
