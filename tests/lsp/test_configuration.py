"""Settings of the editor: read as far as they make sense."""

import pytest

from cwm_server.configuration import Configuration, read_configuration


@pytest.mark.parametrize("section", [None, {}, {"notOurs": 1, "trace": {"server": "off"}}])
def test_what_is_not_set_is_as_usual(section):
    assert read_configuration(section) == (Configuration(), [])


def test_everything_that_may_be_set_is_read():
    section = {
        "run": "onSave",
        "tolerance": {"atol": 0.1, "rtol": 0},
        "workers": 2,
        "wallSeconds": 5,
        "interpreter": "/usr/bin/python3",
        "runBelowFullIsolation": True,
        "inlayHints": {"enabled": True},
        "fadeUnexercised": True,
        "synthesis": {"proposer": "local", "budget": {"calls": 1, "tokens": 2, "cost": 0.5, "seconds": 3}},
    }
    read, problems = read_configuration(section)
    assert problems == []
    assert read == Configuration(
        run="onSave",
        atol=0.1,
        rtol=0.0,
        workers=2,
        wall_seconds=5.0,
        interpreter="/usr/bin/python3",
        run_below_full_isolation=True,
        inlay_hints=True,
        fade_unexercised=True,
        proposer="local",
        budget_calls=1,
        budget_tokens=2,
        budget_cost=0.5,
        budget_seconds=3.0,
    )


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"run": "sometimes"}, "`cwm.run`"),
        ({"workers": 0}, "`cwm.workers`"),
        ({"tolerance": {"atol": -1}}, "`cwm.tolerance.atol`"),
        ({"wallSeconds": "long"}, "`cwm.wallSeconds`"),
    ],
)
def test_a_value_that_makes_no_sense_is_said_and_the_others_count(section, key):
    read, problems = read_configuration({**section, "fadeUnexercised": True})
    assert (read, len(problems)) == (Configuration(fade_unexercised=True), 1)
    assert problems[0].startswith(key)


@pytest.mark.parametrize("section", [7, "onType", []])
def test_a_section_that_is_no_object_is_said(section):
    assert read_configuration(section) == (Configuration(), ["the section `cwm` is not an object"])
