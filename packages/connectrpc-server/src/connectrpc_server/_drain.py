"""The rule that says when the rest of a request body is read before its response ends."""


def must_drain(http_version: str) -> bool:
    """Return whether a client may lose a response that ends before its request.

    Over HTTP/1 a server that does not read a request ends the connection. The client then fails to
    write, and may lose the response or its next call (RFC 9112, section 9.3). Over HTTP/2 and 3 a
    server sends the whole response and then resets only this stream (RFC 9113, section 8.1).

    `server_quirks.must_drain` of each interface adds the servers that differ.
    """
    return http_version.startswith("1")
