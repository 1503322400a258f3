"""The names that options accept, as types: of protocols, codecs and compressions."""

from typing import Literal, TypeAlias

ProtocolName: TypeAlias = Literal["connect", "grpc", "grpc-web"]
"""The name of a protocol."""

CodecName: TypeAlias = Literal["proto", "json"]
"""The name of a codec of this package. A `Codec` of your own is passed as an object."""

CompressionName: TypeAlias = Literal["gzip", "br", "zstd", "deflate", "snappy"]
"""The name of a compression of this package. One of your own is passed as an object."""
