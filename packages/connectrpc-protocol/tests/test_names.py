from typing import get_args

import pytest

from connectrpc_protocol import CodecName, CompressionName, ProtocolName, resolve_compression
from connectrpc_protocol.client import client_protocol
from connectrpc_protocol.encoding.codec import DEFAULT_CODECS, resolve_codec
from connectrpc_protocol.protocols import PROTOCOLS


def test_every_name_is_known() -> None:
    assert [each.name for each in PROTOCOLS] == list(get_args(ProtocolName))
    assert [each.name for each in DEFAULT_CODECS] == list(get_args(CodecName))
    for name in get_args(CompressionName):
        assert resolve_compression(name).name == name


@pytest.mark.parametrize(
    ("resolve", "names"),
    [
        (client_protocol, ProtocolName),
        (resolve_codec, CodecName),
        (resolve_compression, CompressionName),
    ],
)
def test_no_other_name_is_known(resolve, names: object) -> None:
    with pytest.raises(ValueError, match="known") as caught:
        resolve("other")
    assert str(caught.value).rpartition(": ")[2] == ", ".join(map(repr, get_args(names)))
