"""The order of the suite's runner to a server under test, and the settings of all servers."""

import ssl

from connectrpc.conformance.v1.config_pb2 import HTTPVersion
from connectrpc.conformance.v1.server_compat_pb2 import ServerCompatRequest, ServerCompatResponse

from common.stdio import write_message
from common.tls import ServerFiles, server_files

HOST = "127.0.0.1"

KEEP_ALIVE_SECONDS = 120
"""Longer than any pause of the suite's client.

If a server closes an idle connection while a client sends the next request on it, the request
fails. HTTP allows this, so it must not make a case fail.
"""

SHUTDOWN_SECONDS = 1
"""How long a server waits for calls in flight at its end. The runner has finished by then."""

READ_MAX_BYTES = "CONFORMANCE_READ_MAX_BYTES"
"""The environment variable with the limit of request messages. Child processes inherit it."""


class Order:
    """The order of the runner: what to listen for, and how."""

    def __init__(self, request: ServerCompatRequest) -> None:
        self._request = request
        self.tls: ServerFiles | None = server_files(request)

    @property
    def is_http3(self) -> bool:
        """Whether to listen for HTTP/3. All other versions share one TCP port."""
        return self._request.http_version == HTTPVersion.HTTP_VERSION_3

    @property
    def cert_reqs(self) -> ssl.VerifyMode:
        """Whether clients must show a certificate."""
        must = self.tls is not None and self.tls.ca is not None
        return ssl.CERT_REQUIRED if must else ssl.CERT_NONE

    def announce(self, port: int) -> None:
        """Tell the runner that the server listens on `port`."""
        cert = self._request.server_creds.cert if self._request.use_tls else b""
        write_message(ServerCompatResponse(host=HOST, port=port, pem_cert=cert))
