"""What a call leaves of its request over WSGI is read, so that the connection can live on."""

import io

import pytest

SERVICE = "test.v1.Echo"
LIMIT = 1000
TOO_MUCH = 9 * 1024 * 1024


def answer(app, name, content_type, body, *, length=None):
    """The answer, and what is left of the body before and after its last bytes were asked for."""
    stream = io.BytesIO(body)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/{SERVICE}/{name}",
        "CONTENT_TYPE": content_type,
        "wsgi.input": stream,
        "wsgi.input_terminated": True,
    }
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    chunks = iter(app(environ, lambda status, headers: None))
    data = next(chunks)
    before = len(body) - stream.tell()
    data += b"".join(chunks)
    return data, before, len(body) - stream.tell()


@pytest.mark.parametrize("length", [str(200_000), None])
def test_message_beyond_the_limit(wsgi_application, make_shell, length):
    app = wsgi_application(make_shell("wsgi").service, read_max_bytes=LIMIT)
    data, before, after = answer(app, "Unary", "application/proto", bytes(200_000), length=length)
    assert b"resource_exhausted" in data
    assert before > 0
    assert after == 0


def test_stream_that_fails_early(wsgi_application, make_shell):
    shell = make_shell("wsgi")
    app = wsgi_application(shell.service)
    body = shell.envelope("crash") + shell.envelope("x" * 200_000)
    data, before, after = answer(app, "Bidi", "application/connect+proto", body)
    assert b"internal error" in data
    assert before > 0
    assert after == 0


def test_refusal(wsgi_application, make_shell):
    app = wsgi_application(make_shell("wsgi").service)
    data, before, after = answer(app, "Unary", "text/html", bytes(200_000))
    assert data == b"unsupported media type\n"
    assert (before, after) == (200_000, 0)


def test_too_much_is_left(wsgi_application, make_shell):
    app = wsgi_application(make_shell("wsgi").service)
    body = bytes(TOO_MUCH)
    assert answer(app, "Unary", "text/html", body, length=str(TOO_MUCH))[2] == TOO_MUCH
    assert 0 < answer(app, "Unary", "text/html", body)[2] < TOO_MUCH


def test_malformed_length(wsgi_application, make_shell):
    app = wsgi_application(make_shell("wsgi").service)
    data, _, after = answer(app, "Unary", "application/proto", b"body", length="many")
    assert b"invalid content-length" in data
    assert after == len(b"body")
