"""The options of clients and calls, and the errors for bad ones."""

import httpx
import pytest


@pytest.mark.parametrize("base_url", ["", "test", "ftp://test", "http://", "http://t/?a=b"])
def test_base_url(caller, base_url):
    with pytest.raises(ValueError, match="base URL"):
        caller.make(base_url)


@pytest.mark.parametrize("option", ["protocol", "codec", "send_compression"])
def test_unknown_name(caller, option):
    with pytest.raises(ValueError, match="unknown"):
        caller.make(**{option: "nonsense"})


@pytest.mark.parametrize("option", ["timeout_ms", "read_max_bytes", "compress_min_bytes"])
def test_negative_number(caller, option):
    with pytest.raises(ValueError, match=f"{option} must not be negative"):
        caller.make(**{option: -1})


def test_negative_timeout_of_a_call(caller):
    with pytest.raises(ValueError, match="timeout_ms must not be negative"):
        caller.call("unary", "hi", timeout_ms=-1)


@pytest.mark.parametrize("option", ["accept_compression", "headers"])
def test_value_of_a_wrong_type(caller, option):
    with pytest.raises(TypeError):
        caller.call("unary", "hi", **{option: "gzip" if "c" in option else {"a": 1}})


def test_header_that_http_cannot_carry(caller):
    with pytest.raises(ValueError, match="header"):
        caller.call("unary", "hi", headers={"x-in": "a\r\nx-injected: b"})


def test_http_client_of_the_other_side(caller):
    wrong = httpx.Client() if caller.is_async else httpx.AsyncClient()
    with pytest.raises(TypeError, match=r"must be a httpx\."):
        caller.make(http_client=wrong)


def test_http_client_that_is_not_one(caller):
    with pytest.raises(TypeError, match="http_client"):
        caller.make(http_client=object())
