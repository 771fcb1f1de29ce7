"""The view of a search while it runs."""

from __future__ import annotations

import io

from rich.console import Console

from cwm_engine.cli.live import LiveView, clock
from cwm_engine.synthesis.budget import Limits, Spent
from cwm_engine.synthesis.evaluation import Evaluation, no_program
from cwm_engine.synthesis.interfaces import SearchAction, Selection
from cwm_engine.synthesis.result import SearchEvent
from cwm_engine.synthesis.tree import Node


def seen(view: LiveView, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


def node(number: int, evaluation: Evaluation, parent: int = 1) -> Node:
    return Node(id=number, parent=parent, action=SearchAction.IMPROVE, program="x", evaluation=evaluation)


def test_it_shows_figures_budget_and_the_latest_programs() -> None:
    view = LiveView("counter.py: rex, openai:test", Limits(calls=20, cost=2.0, seconds=100.0))
    view.tell(SearchEvent(kind="node", node=node(2, no_program("NameError: name 'math'\nis not defined"))))
    spent = Spent(3, 12_345, 0.25)
    view.tell(SearchEvent(kind="node", node=node(3, Evaluation(accuracy=0.934)), best=0.934, nodes=3, spent=spent))
    text = seen(view)
    assert "counter.py: rex, openai:test" in text
    assert "93.4 %  3 programs  3 of 20 calls  12,345 tokens  $0.25 of $2.00" in text
    assert "left" in text
    assert "#2   improve of #1     does not run NameError: name 'math' is not defined" in text
    assert "#3   improve of #1      93.4 %" in text


def test_it_says_what_is_under_way() -> None:
    view = LiveView("counter.py", Limits(), begins=True)
    view.tell(SearchEvent(kind="asked", number=0, selection=Selection(0, SearchAction.GENERATE)))
    assert "now: check the program that is there" in seen(view)
    view.tell(SearchEvent(kind="node", number=0, node=node(1, Evaluation(accuracy=0.5), parent=0)))
    assert "#1   begin              50.0 %" in seen(view)
    view.tell(SearchEvent(kind="asked", number=1, selection=Selection(1, SearchAction.FIT)))
    view.tell(SearchEvent(kind="asked", number=2, selection=Selection(1, SearchAction.IMPROVE)))
    assert "now: fit #1, improve #1" in seen(view)


def test_it_fits_into_a_narrow_terminal() -> None:
    view = LiveView("a/very/long/path/to/some/model.py::Environment: gif-mcts, local", Limits())
    view.tell(SearchEvent(kind="node", node=node(2, no_program("a long reason " * 20))))
    assert all(len(line) <= 60 for line in seen(view, 60).splitlines())


def test_it_says_that_a_second_control_c_quits() -> None:
    view = LiveView("counter.py", Limits())
    assert "Ctrl-C stops and keeps what was found" in seen(view)
    view.stopping()
    assert "Ctrl-C again quits at once" in seen(view)


def test_it_is_silent_where_nobody_looks() -> None:
    stream = io.StringIO()
    with LiveView("counter.py", Limits(), console=Console(file=stream)) as view:
        view.tell(SearchEvent(kind="asked"))
    assert stream.getvalue() == ""


def test_durations() -> None:
    assert [clock(seconds) for seconds in (0, 65, 3665)] == ["0:00", "1:05", "1:01:05"]
