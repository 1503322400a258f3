import pytest

from connectrpc_protocol.encoding.input_steps import input_steps


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 40_000])
def test_the_steps_join_to_the_data(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert b"".join(input_steps(data[:size])) == data[:size]


def test_a_step_has_at_most_16_kib() -> None:
    assert [len(step) for step in input_steps(bytes(40_000))] == [16_384, 16_384, 7_232]
