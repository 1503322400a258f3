"""The servers under test: a module for each, which imports its server only when it is used."""

import ssl

from connectrpc.conformance.v1.config_pb2 import HTTPVersion
from connectrpc.conformance.v1.server_compat_pb2 import ServerCompatRequest, ServerCompatResponse

from common.stdio import write_message
from common.tls import ServerFiles, server_files

HOST = "127.0.0.1"

KEEP_ALIVE_SECONDS = 120
"""Above any pause of the runner's client: a server that ends a connection in the moment in which a
client uses it again is a fact of HTTP, not of what is tested here."""

SHUTDOWN_SECONDS = 1

READ_MAX_BYTES = "CONFORMANCE_READ_MAX_BYTES"
"""The environment variable with the limit for request messages; it reaches all processes."""


class Order:
    """What the runner asks for."""

    def __init__(self, request: ServerCompatRequest) -> None:
        self._request = request
        self.tls: ServerFiles | None = server_files(request)

    @property
    def is_http3(self) -> bool:
        """Whether to listen for HTTP/3; for other versions one TCP port does."""
        return self._request.http_version == HTTPVersion.HTTP_VERSION_3

    @property
    def cert_reqs(self) -> ssl.VerifyMode:
        """Whether clients must show a certificate."""
        must = self.tls is not None and self.tls.ca is not None
        return ssl.CERT_REQUIRED if must else ssl.CERT_NONE

    def announce(self, port: int) -> None:
        """Tell the runner that the server listens."""
        cert = self._request.server_creds.cert if self._request.use_tls else b""
        write_message(ServerCompatResponse(host=HOST, port=port, pem_cert=cert))
