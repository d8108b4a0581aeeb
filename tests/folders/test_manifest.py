"""What a folder says it was made from."""

from sofs_bayes.folders.manifest import by_name


def test_no_file_is_lost_behind_another_of_its_name() -> None:
    given = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "1"), ("a", "3"), ("a (2)", "4")]
    assert by_name(given) == {"a": "1", "b": "2", "a (2)": "3", "a (2) (2)": "4"}
