"""The command: standard input, standard output and arguments."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse

import protoc_gen_connect_python
from protoc_gen_connect_python import _cli

PACKAGE = "protoc_gen_connect_python"

MakeRequest = Callable[..., CodeGeneratorRequest]

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


def test_request_on_standard_input_gets_a_response(make_request: MakeRequest) -> None:
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
        ([], b"\xff\xff", "standard input does not contain a request from protoc; see --help"),
    ],
)
def test_wrong_use_is_an_error(arguments: list[str], stdin: bytes, message: str) -> None:
    outcome = _run(*arguments, stdin=stdin)
    assert (outcome.returncode, outcome.stdout) == (2, b"")
    assert outcome.stderr.decode() == f"protoc-gen-connect-python: {message}\n"


def test_help_is_printed_if_standard_input_is_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert _cli.run([]) == 2
    assert "Options of the plugin: side=" in capsys.readouterr().err


def test_the_plugin_runs_without_metadata_of_its_distribution(tmp_path: Path) -> None:
    shutil.copytree(Path(protoc_gen_connect_python.__file__).parent, tmp_path / PACKAGE)
    program = (
        "import sys; sys.path.insert(0, '.'); import importlib.metadata as m\n"
        "def missing(name): raise m.PackageNotFoundError(name)\n"
        f"m.version = missing\nfrom {PACKAGE}._distribution import VERSION; print(VERSION)"
    )
    command = [sys.executable, "-c", program]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert outcome.stdout == "of unknown version\n"
