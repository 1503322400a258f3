from protoc_gen_connect_python._naming.sort_order import natural_key


def test_constants_come_before_classes_and_numbers_are_sorted_by_value() -> None:
    names = ["eliza", "V10", "V2", "B_NAME", "Eliza", "A_NAME", "O"]
    assert sorted(names, key=natural_key) == [
        "A_NAME",
        "B_NAME",
        "V2",
        "V10",
        "Eliza",
        "O",
        "eliza",
    ]
