"""Type checkers accept the names that options have, and report every other name."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = '''\
from typing import TypeVar

from eliza.v1.eliza_connect import (
    ElizaServiceASGIApplication,
    ElizaServiceClient,
    ElizaServiceClientSync,
    ElizaServiceWSGIApplication,
)
from eliza_service import Eliza, ElizaSync
from google.protobuf.message import Message

from connectrpc_client import CodecName, CompressionName, Headers, ProtocolName, RequestContext
from connectrpc_protocol import Gzip, JsonCodec

M = TypeVar("M", bound=Message)


class Own:
    """A codec of the user, with a name of its own."""

    @property
    def name(self) -> str:
        return "own"

    def encode(self, message: Message) -> bytes:
        return message.SerializeToString()

    def encode_stable(self, message: Message) -> bytes:
        return self.encode(message)

    def decode(self, data: bytes, message_type: type[M]) -> M:
        return message_type.FromString(data)


def connect(protocol: ProtocolName, codec: CodecName, compression: CompressionName) -> None:
    ElizaServiceClient(
        "http://a", protocol=protocol, codec=codec, send_compression=compression
    )


def protocol_of(ctx: RequestContext) -> ProtocolName:
    return ctx.protocol


connect("grpc-web", "json", "zstd")
ElizaServiceClient("http://a", protocol="grpc", codec="proto", headers={"x-a": "1"})
ElizaServiceClientSync("http://a", protocol="grpc", headers=Headers([("x-a", "1")]))
ElizaServiceClientSync("http://a", codec=JsonCodec(), send_compression=Gzip(9))
ElizaServiceClient("http://a", codec=Own())
ElizaServiceClientSync("http://a", send_compression=None, accept_compression=["br", Gzip(9)])
ElizaServiceASGIApplication(Eliza(), compressions=["gzip", "br"])
ElizaServiceWSGIApplication(ElizaSync(), compressions=[Gzip(9), "zstd"])
'''
WRONG = [
    'ElizaServiceClient("http://a", protocol="grpcweb")',
    'ElizaServiceClientSync("http://a", protocol="http")',
    'ElizaServiceClient("http://a", codec="xml")',
    'ElizaServiceClientSync("http://a", codec="binary")',
    'ElizaServiceClient("http://a", send_compression="lzma")',
    'ElizaServiceClientSync("http://a", accept_compression=["lzma"])',
    'ElizaServiceASGIApplication(Eliza(), compressions=["lzma"])',
    'ElizaServiceWSGIApplication(ElizaSync(), compressions=["lzma"])',
    'ElizaServiceClient("http://a", timeout_ms=0.5)',
    'ElizaServiceClient("http://a", headers={"x-a": 1})',
]
EXAMPLES = Path(__file__).parents[1] / "examples" / "src"
CHECKERS = {
    "pyright": ("pyright", "--pythonpath", sys.executable),
    "mypy": ("mypy", "--strict", "--no-incremental"),
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_names_of_options(checker: str, tmp_path: Path) -> None:
    lines = PROGRAM.splitlines()
    (tmp_path / "program.py").write_text("\n".join([*lines, *WRONG]) + "\n")
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "extraPaths": [str(EXAMPLES)]})
    )
    outcome = subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker], "program.py"],
        cwd=tmp_path,
        env={"MYPYPATH": str(EXAMPLES), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    reported = {int(each) for each in re.findall(r"program\.py:(\d+):.*error", outcome.stdout)}
    expected = set(range(len(lines) + 1, len(lines) + len(WRONG) + 1))
    assert reported == expected, outcome.stdout + outcome.stderr
