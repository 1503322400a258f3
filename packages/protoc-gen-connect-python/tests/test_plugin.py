"""The process and its protocol."""

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

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


def _run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "protoc_gen_connect_python", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
    )


def test_request_on_standard_input_is_answered(make_request: MakeRequest) -> None:
    outcome = _run(stdin=make_request({"acme/v1/s.proto": PROTO}, "").SerializeToString())
    assert (outcome.returncode, outcome.stderr) == (0, b"")
    response = CodeGeneratorResponse.FromString(outcome.stdout)
    assert [file.name for file in response.file] == [
        "acme/v1/s_connect.py",
        "acme/v1/s_connect_client.py",
        "acme/v1/s_connect_server.py",
    ]


def test_output_is_deterministic(make_request: MakeRequest) -> None:
    request = make_request({"acme/v1/s.proto": PROTO}, "").SerializeToString()
    assert _run(stdin=request).stdout == _run(stdin=request).stdout


def test_features_and_editions_are_declared() -> None:
    response = _plugin.respond(CodeGeneratorRequest())
    assert response.supported_features == (
        CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
        | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS
    )
    assert response.minimum_edition == EDITION_PROTO2
    assert response.maximum_edition == EDITION_2024


def test_version() -> None:
    outcome = _run("--version")
    name = "protoc-gen-connect-python"
    assert (outcome.returncode, outcome.stdout.decode()) == (0, f"{name} {version(name)}\n")


def test_help_lists_the_options() -> None:
    outcome = _run("--help")
    assert outcome.returncode == 0
    assert b"imports=absolute|relative" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["--verbose"], b"", "unknown argument '--verbose'; see --help"),
        ([], b"\xff\xff", "standard input holds no request of protoc; see --help"),
    ],
)
def test_what_protoc_would_not_do(arguments: list[str], stdin: bytes, message: str) -> None:
    outcome = _run(*arguments, stdin=stdin)
    assert (outcome.returncode, outcome.stdout) == (2, b"")
    assert outcome.stderr.decode() == f"protoc-gen-connect-python: {message}\n"


def test_person_at_a_terminal_gets_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert _plugin.run([]) == 2
    assert "reads their request from standard input" in capsys.readouterr().err


def test_two_files_with_the_same_modules_are_refused(respond_to: Respond) -> None:
    other = PROTO.replace("acme.v1", "acme.v2")
    response = respond_to({"a-b.proto": PROTO, "a_b.proto": other})
    assert response.error == "a_b.proto: its Python modules would be those of a-b.proto"
    assert not response.file


def test_module_that_would_hide_a_folder_is_refused(respond_to: Respond) -> None:
    inside = 'syntax = "proto3"; message X {}'
    response = respond_to({"a.proto": PROTO, "a_connect/b/x.proto": inside})
    assert response.error == "a.proto: its module a_connect.py would hide a_connect/b/"
    assert not response.file


def test_incomplete_request_is_refused(make_request: MakeRequest) -> None:
    request = make_request({"acme/v1/s.proto": PROTO}, "")
    del request.proto_file[0].message_type[:]
    response = _plugin.respond(request)
    assert response.error == "acme/v1/s.proto:4:13: the request lacks the message 'acme.v1.M'"


def test_file_without_services_has_no_output(respond_to: Respond) -> None:
    response = respond_to({"m.proto": 'syntax = "proto3"; message M {}'})
    assert (response.error, list(response.file)) == ("", [])


def test_fault_of_the_plugin_itself_is_one_line(
    make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("first\nsecond")

    monkeypatch.setattr(_plugin, "build_file", fail)
    response = _plugin.respond(make_request({"acme/v1/s.proto": PROTO}, ""))
    assert response.error.startswith(f"internal error at {__file__}:")
    assert response.error.endswith(": ValueError: first second")
