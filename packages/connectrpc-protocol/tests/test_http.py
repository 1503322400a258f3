import pytest

from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import NOT_FOUND, HttpResponse, plain_text


def test_plain_text_has_its_length_and_content_type() -> None:
    response = plain_text(415, "nö\n", (b"accept-post", b"application/proto"))
    assert (response.status, response.body, response.trailers) == (415, b"n\xc3\xb6\n", None)
    assert dict(response.headers) == {
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": b"4",
        b"accept-post": b"application/proto",
    }


def test_not_found_has_status_404() -> None:
    assert (NOT_FOUND.status, NOT_FOUND.body) == (404, b"not found\n")


def test_without_trailers_moves_the_trailers_to_the_headers() -> None:
    response = HttpResponse(200, [(b"a", b"1")], b"", [(b"b", b"2")]).without_trailers()
    assert (response.status, list(response.headers)) == (200, [(b"a", b"1"), (b"b", b"2")])
    assert (response.body, response.trailers) == (b"", None)


@pytest.mark.parametrize(("body", "trailers"), [(b"", None), (b"x", None), (b"x", [(b"b", b"2")])])
def test_without_trailers_returns_other_responses_unchanged(
    body: bytes, trailers: RawHeaders | None
) -> None:
    response = HttpResponse(200, [], body, trailers)
    assert response.without_trailers() is response
