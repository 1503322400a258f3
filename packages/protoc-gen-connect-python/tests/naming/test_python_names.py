import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protoc_gen_connect_python._naming.keywords import RESERVED_METHOD_NAMES
from protoc_gen_connect_python._naming.python_names import (
    call_method,
    method_names,
    open_method,
    service_names,
    snake_case,
)

identifiers = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
namings = st.sampled_from(["snake", "proto"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Say", "say"),
        ("A", "a"),
        ("GetACat", "get_a_cat"),
        ("GetHTTPStatus", "get_http_status"),
        ("HTTPStatus", "http_status"),
        ("GetHTTP", "get_http"),
        ("ListIDs", "list_ids"),
        ("GetURLsByID", "get_urls_by_id"),
        ("ListIDsV2", "list_ids_v2"),
        ("GetIPv4", "get_ipv4"),
        ("GetIPv6Address", "get_ipv6_address"),
        ("GetV1Beta", "get_v1_beta"),
        ("GetV1beta1", "get_v1beta1"),
        ("GetV1API", "get_v1_api"),
        ("X509Cert", "x509_cert"),
        ("SHA256Sum", "sha256_sum"),
        ("GetHTTP2TLSConfig", "get_http2_tls_config"),
        ("Base64Encode", "base64_encode"),
        ("ListP2PPeers", "list_p2p_peers"),
        ("SyncB2B", "sync_b2b"),
        ("OAuth2Login", "oauth2_login"),
        ("GetOAuthToken", "get_oauth_token"),
        ("NOAuth", "no_auth"),
        ("GetS3ACL", "get_s3_acl"),
        ("lowerCamel", "lower_camel"),
        ("already_snake", "already_snake"),
        ("double__underscore", "double__underscore"),
        ("Title_Snake", "title_snake"),
        ("SCREAMING_SNAKE", "screaming_snake"),
        ("Foo_2", "foo_2"),
        ("Get2FA", "get2_fa"),
    ],
)
def test_snake_case_keeps_words_whole(name: str, expected: str) -> None:
    assert snake_case(name) == expected


@pytest.mark.parametrize(
    ("rpc", "expected"),
    [
        ("Import", "import_"),
        ("None", "none"),
        ("Match", "match_"),
        ("Type", "type_"),
        ("Self", "self_"),
        ("Close", "close_"),
        ("Aclose", "aclose_"),
        ("Int", "int_"),
        ("__init__", "init"),
        ("_Private", "private"),
        ("_", "rpc"),
        ("__1", "rpc_1"),
    ],
)
def test_method_with_a_reserved_name(rpc: str, expected: str) -> None:
    assert method_names([rpc], "snake") == [expected]


@pytest.mark.parametrize(
    ("rpc", "expected"),
    [("GetHTTP", "GetHTTP"), ("snake", "snake"), ("None", "None_"), ("I", "I_"), ("__X", "X")],
)
def test_method_names_of_the_proto_file(rpc: str, expected: str) -> None:
    assert method_names([rpc], "proto") == [expected]


def test_methods_that_collide_get_underscores_in_order() -> None:
    assert method_names(["GetFoo", "get_foo", "GETFoo"], "snake") == [
        "get_foo",
        "get_foo_",
        "get_foo__",
    ]


def test_method_that_collides_with_an_earlier_call_method() -> None:
    assert method_names(["Say", "CallSay"], "snake") == ["say", "call_say_"]


def test_method_whose_call_method_collides_with_an_earlier_method() -> None:
    assert method_names(["CallSay", "Say"], "snake") == ["call_say", "say_"]


def test_method_that_collides_with_an_earlier_open_method() -> None:
    assert method_names(["Feed", "OpenFeed"], "snake", {"Feed"}) == ["feed", "open_feed_"]
    assert method_names(["Feed", "open_Feed"], "proto", {"Feed"}) == ["Feed", "open_Feed_"]


def test_method_whose_open_method_collides_with_an_earlier_method() -> None:
    assert method_names(["OpenFeed", "Feed"], "snake", {"Feed"}) == ["open_feed", "feed_"]


def test_method_without_a_stream_of_requests_does_not_have_an_open_method() -> None:
    assert method_names(["Door", "OpenDoor"], "snake", {"Feed"}) == ["door", "open_door"]


@given(st.lists(identifiers, unique=True, max_size=6), st.sets(st.integers(0, 5)), namings)
def test_method_names_are_unique_identifiers(
    rpcs: list[str], streaming: set[int], naming: str
) -> None:
    streams = {rpcs[index] for index in streaming if index < len(rpcs)}
    names = method_names(rpcs, naming, streams)
    open_methods = [
        open_method(name) for name, rpc in zip(names, rpcs, strict=True) if rpc in streams
    ]
    every = [*names, *map(call_method, names), *open_methods]
    assert len(set(every)) == len(every)
    for name in every:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name not in RESERVED_METHOD_NAMES
        assert not name.startswith("_")


@given(st.lists(identifiers, unique=True, max_size=6), identifiers, namings)
def test_another_rpc_at_the_end_renames_nothing(rpcs: list[str], rpc: str, naming: str) -> None:
    assert method_names([*rpcs, rpc], naming)[: len(rpcs)] == method_names(rpcs, naming)


def test_names_of_a_service() -> None:
    [names] = service_names([("ElizaService", ["Say"])])
    assert names.public == (
        "ElizaService",
        "ElizaServiceSync",
        "ElizaServiceClient",
        "ElizaServiceClientSync",
        "ElizaServiceASGIApplication",
        "ElizaServiceWSGIApplication",
        "ELIZA_SERVICE_NAME",
        "ELIZA_SERVICE_SAY",
    )


@pytest.mark.parametrize(
    ("service", "service_class", "name_constant"),
    [
        ("class", "class_", "CLASS_NAME"),
        ("None", "None_", "NONE_NAME"),
        ("type", "type_", "TYPE_NAME"),
        ("__Hidden", "Hidden", "HIDDEN_NAME"),
        ("_", "Service", "SERVICE_NAME"),
        ("_1", "Service1", "SERVICE1_NAME"),
        ("TYPE_CHECKING", "TYPE_CHECKING_", "TYPE_CHECKING_NAME"),
        ("O", "O_", "O_NAME"),
    ],
)
def test_service_with_an_unusual_name(service: str, service_class: str, name_constant: str) -> None:
    [names] = service_names([(service, [])])
    assert names.async_classes.service == service_class
    assert names.name_constant == name_constant


def test_rpc_that_collides_with_the_constant_of_its_service() -> None:
    [names] = service_names([("Foo", ["Name"])])
    assert names.constants == ("FOO_NAME", "FOO_NAME_")


def test_constants_of_two_services_that_collide() -> None:
    first, second = service_names([("Foo", ["BarBaz", "BarName"]), ("FooBar", ["Baz"])])
    assert first.method_constants == ("FOO_BAR_BAZ", "FOO_BAR_NAME")
    assert second.constants == ("FOO_BAR_NAME_", "FOO_BAR_BAZ_")


def test_constant_that_collides_with_an_import() -> None:
    [names] = service_names([("Type", ["Checking"])])
    assert names.method_constants == ("TYPE_CHECKING_",)


def test_classes_of_two_services_that_collide() -> None:
    first, second = service_names([("Foo", []), ("FooSync", [])])
    assert first.sync_classes.service == "FooSync"
    assert second.async_classes.service == "FooSync_"
    first, second = service_names([("FooSync", []), ("Foo", [])])
    assert first.async_classes.service == "FooSync"
    assert second.sync_classes.service == "FooSync_"


@given(st.lists(st.tuples(identifiers, st.lists(identifiers, max_size=3)), max_size=4))
def test_public_names_are_unique_identifiers(services: list[tuple[str, list[str]]]) -> None:
    names = [name for service in service_names(services) for name in service.public]
    assert len(set(names)) == len(names)
    for name in names:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert not name.startswith("_")
