"""The contents of the generated modules, for each option and each kind of declaration."""

import ast
from collections.abc import Callable

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest

from protoc_gen_connect_python._plugin import respond

Generate = Callable[..., dict[str, str]]
MakeRequest = Callable[..., CodeGeneratorRequest]

PROTO = {
    "s.proto": """
syntax = "proto3";
message M {}
service S {
  rpc Say(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Tell(M) returns (M) { option idempotency_level = IDEMPOTENT; }
  rpc Collect(stream M) returns (M);
  rpc Introduce(M) returns (stream M) { option idempotency_level = NO_SIDE_EFFECTS; }
}
"""
}
CLIENT, SERVER = ["SClient"], ["S", "SASGIApplication"]
CLIENT_SYNC, SERVER_SYNC = ["SClientSync"], ["SSync", "SWSGIApplication"]


def _exports(source: str) -> list[str]:
    [value] = [
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return ast.literal_eval(value)


def _functions(source: str) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the methods of the first class, by name."""
    [first, *_] = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name: node for node in first.body if isinstance(node, functions)}


@pytest.mark.parametrize(
    ("parameter", "classes"),
    [
        ("", [*CLIENT, *CLIENT_SYNC, *SERVER, *SERVER_SYNC]),
        ("side=client", [*CLIENT, *CLIENT_SYNC]),
        ("side=server", [*SERVER, *SERVER_SYNC]),
        ("io=async", [*CLIENT, *SERVER]),
        ("io=sync", [*CLIENT_SYNC, *SERVER_SYNC]),
        ("side=client,io=sync", CLIENT_SYNC),
    ],
)
def test_options_select_the_classes(parameter: str, classes: list[str], generate: Generate) -> None:
    modules = generate(PROTO, parameter)
    constants = ["S_COLLECT", "S_INTRODUCE", "S_NAME", "S_SAY", "S_TELL"]
    assert sorted(_exports(modules.pop("s_connect.py"))) == sorted([*constants, *classes])
    rest = [name for source in modules.values() for name in _exports(source)]
    assert sorted(rest) == sorted(classes)


def test_only_unary_methods_without_side_effects_can_use_get(generate: Generate) -> None:
    functions = _functions(generate(PROTO)["s_connect_client.py"])
    using = [name for name, node in functions.items() if "use_get" in ast.unparse(node.args)]
    assert using == ["say", "call_say"]


def test_idempotency_is_set_if_it_is_declared(generate: Generate) -> None:
    source = generate(PROTO)["s_connect.py"]
    assert source.count("idempotency=IdempotencyLevel.NO_SIDE_EFFECTS,") == 2
    assert source.count("idempotency=IdempotencyLevel.IDEMPOTENT,") == 1


def test_methods_that_return_generators_are_plain_functions(generate: Generate) -> None:
    functions = _functions(generate(PROTO)["s_connect_client.py"])
    plain = [name for name, node in functions.items() if isinstance(node, ast.FunctionDef)]
    assert plain == ["open_collect", "introduce"]


def test_only_used_names_are_imported(generate: Generate) -> None:
    proto = {"s.proto": 'syntax = "proto3"; message M {} service S { rpc Say(M) returns (M); }'}
    source = generate(proto, "io=sync")["s_connect_client.py"]
    names = "Cancellation, ClientSync, HeadersInput, UnaryOutput"
    assert f"from connectrpc_client import {names}\n" in source
    assert "collections.abc" not in source


def test_service_without_methods_is_valid(generate: Generate) -> None:
    modules = generate({"s.proto": 'syntax = "proto3"; service S {}'})
    for source in modules.values():
        compile(source, "s", "exec")
    assert "from connectrpc_protocol import lazy_exports\n" in modules["s_connect.py"]


def test_request_without_source_information(make_request: MakeRequest) -> None:
    request = make_request(PROTO, "")
    expected = [file.name for file in respond(request).file]
    request.proto_file[0].ClearField("source_code_info")
    response = respond(request)
    assert response.error == ""
    assert [file.name for file in response.file] == expected


def test_error_in_a_file_without_source_information(make_request: MakeRequest) -> None:
    request = make_request({"1.proto": PROTO["s.proto"]}, "")
    request.proto_file[0].ClearField("source_code_info")
    message = "Python cannot import a module called '1_connect'; rename the file"
    assert respond(request).error == f"1.proto: {message}"


@pytest.mark.parametrize("imports", ["absolute", "relative"])
def test_pb2_modules_with_the_same_name(imports: str, generate: Generate) -> None:
    types = 'syntax = "proto3"; package {0}; message M {{}}'
    modules = generate(
        {
            "a/s.proto": types.format("a"),
            "b/s.proto": """
                syntax = "proto3";
                package b;
                import "a/s.proto";
                message M {}
                service S { rpc Say(a.M) returns (M); }
            """,
        },
        f"imports={imports}",
    )
    packages = {"absolute": ("a", "b"), "relative": ("..a", ".")}[imports]
    for source in modules.values():
        assert f"from {packages[0]} import s_pb2 as a_s_pb2\n" in source
        assert f"from {packages[1]} import s_pb2\n" in source
