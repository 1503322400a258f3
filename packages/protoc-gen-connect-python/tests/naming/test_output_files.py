from collections.abc import Callable

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorResponse

from protoc_gen_connect_python._naming.output_files import (
    SUFFIXES,
    generated_module,
    message_module,
    module_path,
    module_stem,
)

Respond = Callable[..., CodeGeneratorResponse]

PROTO = """\
syntax = "proto3";
package acme.v1;
message M {}
service S { rpc Say(M) returns (M); }
"""


@pytest.mark.parametrize(
    ("proto", "stem"),
    [
        ("acme/eliza/v1/eliza.proto", "acme.eliza.v1.eliza"),
        ("eliza.proto", "eliza"),
        ("my-dir/two-words.proto", "my_dir.two_words"),
        ("a/b.c.proto", "a.b.c"),
        ("old.protodevel", "old"),
        ("lambda/class.proto", "lambda.class"),
    ],
)
def test_stem_is_that_of_protoc(proto: str, stem: str) -> None:
    assert module_stem(proto) == stem


def test_path_of_a_module() -> None:
    assert module_path("acme.v1.eliza_connect") == "acme/v1/eliza_connect.py"


def test_generated_modules() -> None:
    assert [generated_module("acme/v1/eliza.proto", suffix) for suffix in SUFFIXES] == [
        "acme.v1.eliza_connect",
        "acme.v1.eliza_connect_client",
        "acme.v1.eliza_connect_server",
    ]


def test_message_module() -> None:
    assert message_module("acme/v1/my-eliza.proto") == "acme.v1.my_eliza_pb2"


def test_two_files_with_the_same_modules_are_an_error(respond_to: Respond) -> None:
    other = PROTO.replace("acme.v1", "acme.v2")
    response = respond_to({"a-b.proto": PROTO, "a_b.proto": other})
    assert response.error == "a_b.proto: generates the same Python modules as a-b.proto"
    assert not response.file


def test_module_that_would_hide_a_folder_is_an_error(respond_to: Respond) -> None:
    inside = 'syntax = "proto3"; message X {}'
    response = respond_to({"a.proto": PROTO, "a_connect/b/x.proto": inside})
    message = "the generated file a_connect.py would hide the folder a_connect/b/"
    assert response.error == f"a.proto: {message}"
    assert not response.file
