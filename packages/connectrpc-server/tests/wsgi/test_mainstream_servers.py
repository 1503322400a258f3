"""WSGI applications on servers that need no more than PEP 3333: waitress and werkzeug."""

import json
import threading
from contextlib import contextmanager

import httpx
import pytest
import waitress
import werkzeug.serving
from google.protobuf.wrappers_pb2 import StringValue

PATIENCE = 60  # seconds that the slowest machine may take for one step
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
        thread.join(PATIENCE)
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
        thread.join(PATIENCE)
        server.server_close()


@pytest.fixture(scope="module", params=[on_waitress, on_werkzeug])
def client(request, make_shell):
    with (
        request.param(make_shell("wsgi").application(read_max_bytes=LIMIT)) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/test.v1.Echo/", timeout=PATIENCE) as client,
    ):
        yield client


def chunked(*chunks):
    yield from chunks


def message(text):
    return StringValue(value=text).SerializeToString()


class TestUnary:
    def call(self, client, content, content_type="application/proto"):
        return client.post("Unary", content=content, headers={"content-type": content_type})

    def test_with_a_length_and_in_chunks(self, client):
        for content in (message("hi"), chunked(message("hi")[:1], message("hi")[1:])):
            answer = self.call(client, content)
            assert (answer.status_code, answer.content) == (200, message("hi"))

    def test_get(self, client):
        answer = client.get("Unary", params={"connect": "v1", "encoding": "json", "message": '"a"'})
        assert answer.json() == "a"

    @pytest.mark.parametrize("in_chunks", [False, True])
    def test_errors_leave_the_connection_usable(self, client, in_chunks):
        for content, code in (
            (b"x" * 2 * LIMIT, "resource_exhausted"),
            (b"\xff", "invalid_argument"),
        ):
            answer = self.call(client, chunked(content) if in_chunks else content)
            assert answer.json()["code"] == code
        assert self.call(client, message("hi")).status_code == 200


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize(
    ("name", "requests", "responses"),
    [("Client", "abc", ["a,b,c"]), ("Server", ["a,b"], ["a", "b"]), ("Bidi", "abc", "abc")],
)
def test_streams(client, make_shell, in_chunks, name, requests, responses):
    envelope = make_shell("wsgi").envelope
    pieces = [envelope(text) for text in requests]
    answer = client.post(
        name,
        content=chunked(*pieces) if in_chunks else b"".join(pieces),
        headers={"content-type": "application/connect+proto"},
    )
    assert answer.content == b"".join(envelope(text) for text in responses) + END


def test_grpc_web(client, make_shell):
    answer = client.post(
        "Unary",
        content=make_shell("wsgi").envelope("hi"),
        headers={"content-type": "application/grpc-web+proto"},
    )
    assert answer.content.startswith(make_shell("wsgi").envelope("hi") + b"\x80")
    assert b"grpc-status: 0" in answer.content


def test_grpc_says_what_it_needs(client, make_shell):
    answer = client.post(
        "Unary",
        content=make_shell("wsgi").envelope("hi"),
        headers={"content-type": "application/grpc", "te": "trailers"},
    )
    assert answer.status_code == 200
    assert answer.headers["grpc-status"] == "12"
    assert "trailers" in answer.headers["grpc-message"]


def test_json_errors(client):
    answer = client.post(
        "Unary", content=json.dumps("fail:not_found"), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
