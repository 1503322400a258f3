import copy
import pickle

import pytest

from connectrpc_protocol import Code

# Connect protocol reference, "Error Codes"; grpc/grpc, doc/statuscodes.md.
REFERENCE = [
    (Code.CANCELED, "canceled", 1, 499),
    (Code.UNKNOWN, "unknown", 2, 500),
    (Code.INVALID_ARGUMENT, "invalid_argument", 3, 400),
    (Code.DEADLINE_EXCEEDED, "deadline_exceeded", 4, 504),
    (Code.NOT_FOUND, "not_found", 5, 404),
    (Code.ALREADY_EXISTS, "already_exists", 6, 409),
    (Code.PERMISSION_DENIED, "permission_denied", 7, 403),
    (Code.RESOURCE_EXHAUSTED, "resource_exhausted", 8, 429),
    (Code.FAILED_PRECONDITION, "failed_precondition", 9, 400),
    (Code.ABORTED, "aborted", 10, 409),
    (Code.OUT_OF_RANGE, "out_of_range", 11, 400),
    (Code.UNIMPLEMENTED, "unimplemented", 12, 501),
    (Code.INTERNAL, "internal", 13, 500),
    (Code.UNAVAILABLE, "unavailable", 14, 503),
    (Code.DATA_LOSS, "data_loss", 15, 500),
    (Code.UNAUTHENTICATED, "unauthenticated", 16, 401),
]


@pytest.mark.parametrize(("code", "value", "grpc", "http_status"), REFERENCE)
def test_a_code_has_its_name_and_numbers(
    code: Code, value: str, grpc: int, http_status: int
) -> None:
    assert (code.value, code.grpc, code.http_status) == (value, grpc, http_status)


def test_code_has_exactly_the_codes_of_the_specification() -> None:
    assert list(Code) == [code for code, *_ in REFERENCE]


@pytest.mark.parametrize("code", Code)
def test_a_code_is_found_by_its_name_on_the_wire(code: Code) -> None:
    assert Code(code.value) is code


@pytest.mark.parametrize("code", Code)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_code_stays_itself_when_pickled(code: Code, protocol: int) -> None:
    assert pickle.loads(pickle.dumps(code, protocol)) is code


def test_a_code_stays_itself_when_copied() -> None:
    assert copy.deepcopy(Code.ABORTED) is Code.ABORTED


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, Code.INTERNAL),
        (401, Code.UNAUTHENTICATED),
        (403, Code.PERMISSION_DENIED),
        (404, Code.UNIMPLEMENTED),
        (429, Code.UNAVAILABLE),
        (502, Code.UNAVAILABLE),
        (503, Code.UNAVAILABLE),
        (504, Code.UNAVAILABLE),
        (200, Code.UNKNOWN),
        (302, Code.UNKNOWN),
        (418, Code.UNKNOWN),
        (500, Code.UNKNOWN),
        (-1, Code.UNKNOWN),
    ],
)
def test_from_http_status_follows_the_specification(status: int, code: Code) -> None:
    assert Code.from_http_status(status) is code
