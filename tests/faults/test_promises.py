"""What must hold of figures is seen when it does not."""

import promises


def names(figures):
    return [name for name, _ in promises.broken(figures)]


def test_what_may_never_be_is_broken_by_any_number_of_it():
    for name in promises.NEVER:
        assert names({name: 1}) == [name] and names({name: 0}) == []
    assert names({"stopped": [0, 0, 3]}) == ["stopped"] and names({"stopped": [0, 0]}) == []


def test_a_bound_holds_for_each_number_that_it_is_of():
    at_most = promises.at_most(resumed_s=3)
    assert names({"resumed_s": [1, 3], **at_most}) == []
    assert names({"resumed_s": [1, 3.1], **at_most}) == ["resumed_s"]
    assert names({"resumed_s": [1, None], **at_most}) == ["resumed_s"]
    assert names({"told": 4, **promises.exactly(told=5)}) == ["told"] == names({"told": 6, **promises.exactly(told=5)})
    assert names({"rss_mib": {"center": 10, "worker": 30}, **promises.at_most(rss_mib={"center": 20, "worker": 20})}) == ["rss_mib"]
    assert names({"exits": {"a": 78, "b": 0}, **promises.exactly(exits=78)}) == ["exits"]


def test_what_is_within_is_looked_at_as_well():
    assert names({"far": {"lost": 1}, "thin": {"lost": 0}}) == ["lost"]
    assert names({"errors": {"lost": 1}, "ended": {"failed": 3}}) == []


def test_figures_that_must_be_alike_are_compared():
    assert names({"records": 5, "rows": 5}) == [] and names({"records": 5, "rows": 4}) == ["untraced"]


def test_a_line_says_of_each_promise_that_it_speaks_of_whether_it_held():
    figures = {"lost": 0, "unended": 0, "crossed": 1, "resumed_s": [2], **promises.at_most(resumed_s=1)}
    assert promises.held(figures) == {"I1": True, "I2": True, "I4": False, "I6": False}
