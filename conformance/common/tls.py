"""Certificates and keys as files.

The suite sends certificates and keys as PEM text; the HTTP servers and `ssl` read them from files.
"""

import ssl
import tempfile
from pathlib import Path
from typing import NamedTuple

from connectrpc.conformance.v1.server_compat_pb2 import ServerCompatRequest


class ServerFiles(NamedTuple):
    """The files of a TLS server. If `ca` is given, clients must show a certificate."""

    cert: str
    key: str
    ca: str | None


def server_files(request: ServerCompatRequest) -> ServerFiles | None:
    """Write the files for a server; return `None` if it does not use TLS."""
    if not request.use_tls:
        return None
    ca = request.client_tls_cert
    return ServerFiles(
        _file(request.server_creds.cert),
        _file(request.server_creds.key),
        _file(ca) if ca else None,
    )


def client_context(ca: bytes, cert: bytes, key: bytes) -> ssl.SSLContext | bool:
    """Return the context of a client: it trusts `ca` and shows `cert`, if given.

    Without `ca` the server does not use TLS, and the context is `False`.
    """
    if not ca:
        return False
    context = ssl.create_default_context(cadata=ca.decode())
    if cert:
        context.load_cert_chain(_file(cert), _file(key))
    return context


def _file(pem: bytes) -> str:
    folder = Path(tempfile.mkdtemp())  # readable by its owner alone
    path = folder / "tls.pem"
    path.write_bytes(pem)
    return str(path)
