"""WSGI applications on servers that offer only PEP 3333: waitress and werkzeug."""

import json
import threading
from contextlib import contextmanager

import httpx
import pytest
import waitress
import werkzeug.serving
from google.protobuf.wrappers_pb2 import StringValue

STEP_TIMEOUT = 60  # seconds; the slowest machine needs less for one step
LIMIT = 100_000
END = b"\x02\x00\x00\x00\x02{}"


@contextmanager
def on_waitress(app):
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    stop = threading.Event()

    def run():
        while not stop.is_set():
            server.asyncore.loop(timeout=1, map=server._map, count=1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield int(server.effective_port)
    finally:
        stop.set()
        server.pull_trigger()
        thread.join(STEP_TIMEOUT)
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)


@contextmanager
def on_werkzeug(app):
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join(STEP_TIMEOUT)
        server.server_close()


@pytest.fixture(scope="module", params=[on_waitress, on_werkzeug])
def client(request, make_host):
    with (
        request.param(make_host("wsgi").application(read_max_bytes=LIMIT)) as port,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}/test.v1.Echo/", timeout=STEP_TIMEOUT
        ) as client,
    ):
        yield client


def chunked(*chunks):
    yield from chunks


def message(text):
    return StringValue(value=text).SerializeToString()


class TestUnary:
    def call(self, client, content, content_type="application/proto"):
        return client.post("Unary", content=content, headers={"content-type": content_type})

    def test_a_request_has_a_length_or_comes_in_chunks(self, client):
        for content in (message("hi"), chunked(message("hi")[:1], message("hi")[1:])):
            response = self.call(client, content)
            assert (response.status_code, response.content) == (200, message("hi"))

    def test_get(self, client):
        response = client.get(
            "Unary", params={"connect": "v1", "encoding": "json", "message": '"a"'}
        )
        assert response.json() == "a"

    @pytest.mark.parametrize("in_chunks", [False, True])
    def test_errors_leave_the_connection_usable(self, client, in_chunks):
        for content, code in (
            (b"x" * 2 * LIMIT, "resource_exhausted"),
            (b"\xff", "invalid_argument"),
        ):
            response = self.call(client, chunked(content) if in_chunks else content)
            assert response.json()["code"] == code
        assert self.call(client, message("hi")).status_code == 200


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize(
    ("name", "requests", "responses"),
    [("Client", "abc", ["a,b,c"]), ("Server", ["a,b"], ["a", "b"]), ("Bidi", "abc", "abc")],
)
def test_streams(client, make_host, in_chunks, name, requests, responses):
    envelope = make_host("wsgi").envelope
    pieces = [envelope(text) for text in requests]
    response = client.post(
        name,
        content=chunked(*pieces) if in_chunks else b"".join(pieces),
        headers={"content-type": "application/connect+proto"},
    )
    assert response.content == b"".join(envelope(text) for text in responses) + END


def test_grpc_web(client, make_host):
    response = client.post(
        "Unary",
        content=make_host("wsgi").envelope("hi"),
        headers={"content-type": "application/grpc-web+proto"},
    )
    assert response.content.startswith(make_host("wsgi").envelope("hi") + b"\x80")
    assert b"grpc-status: 0" in response.content


def test_grpc_is_refused_with_the_reason(client, make_host):
    response = client.post(
        "Unary",
        content=make_host("wsgi").envelope("hi"),
        headers={"content-type": "application/grpc", "te": "trailers"},
    )
    assert response.status_code == 200
    assert response.headers["grpc-status"] == "12"
    assert "trailers" in response.headers["grpc-message"]


def test_json_errors(client):
    response = client.post(
        "Unary", content=json.dumps("fail:not_found"), headers={"content-type": "application/json"}
    )
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
