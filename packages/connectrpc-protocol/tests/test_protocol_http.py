from connectrpc_protocol.http import NOT_FOUND, plain_text


def test_an_answer_for_people_has_its_length_and_type() -> None:
    answer = plain_text(415, "nö\n", (b"accept-post", b"application/proto"))
    assert (answer.status, answer.body, answer.trailers) == (415, b"n\xc3\xb6\n", None)
    assert dict(answer.headers) == {
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": b"4",
        b"accept-post": b"application/proto",
    }


def test_not_found() -> None:
    assert (NOT_FOUND.status, NOT_FOUND.body) == (404, b"not found\n")
