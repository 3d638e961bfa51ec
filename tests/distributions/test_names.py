import pytest

from zoo.distributions.names import Name
from zoo.errors import UsageError


def test_a_name_says_what_is_imported_what_is_offered_and_what_classes_begin_with():
    name = Name.parse("zoo-my-net2")
    assert (name.package, name.stem, name.title) == ("zoo_my_net2", "my-net2", "MyNet2")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("MyNet", "zoo-my-net"),
        ("mynet", "zoo-mynet"),
        ("zoo_mynet", "zoo-mynet"),
        ("Zoo-MyNet", "zoo-my-net"),
        ("zoo-my--net-", "zoo-my-net"),
        ("zoo-2net", "zoo-net"),
        ("../zoo-net", "zoo-net"),
        ("zoo-", "zoo-mynet"),
        ("", "zoo-mynet"),
        ("zoo-größe", "zoo-mynet"),
    ],
)
def test_a_bad_name_is_refused_with_the_nearest_good_one(given, right):
    with pytest.raises(UsageError, match="is no name for a package of Zoo") as caught:
        Name.parse(given)
    assert caught.value.fix == f"did you mean {right!r}?"
    assert Name.parse(right).distribution == right


def test_zoo_itself_is_no_name():
    with pytest.raises(UsageError, match="'zoo-core' is Zoo itself"):
        Name.parse("zoo-core")
