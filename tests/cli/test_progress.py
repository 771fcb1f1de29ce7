"""Progress bars: on terminals, for what takes longer than a second."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from cwm_engine.checking.run import Progress
from cwm_engine.cli import progress as module
from cwm_engine.cli.progress import Bars


class Terminal(io.StringIO):
    """What claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def connect(monkeypatch):
    """Puts standard error on a terminal, without patience; within the test, for pytest has its own before."""

    def connect() -> Terminal:
        terminal = Terminal()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setattr(module, "_PATIENCE", 0.0)
        return terminal

    return connect


def test_each_piece_of_work_has_a_bar_with_what_is_wrong(connect):
    terminal = connect()
    with Bars() as bars:
        bars.show("a.py", Progress(40, 100, 3))
        bars.show("b.py", Progress(100, 100, 0))
    shown = terminal.getvalue()
    assert "a.py" in shown
    assert "b.py" in shown
    assert "40/100" in shown
    assert "3 wrong" in shown


def test_what_takes_no_time_has_no_bar(connect, monkeypatch):
    terminal = connect()
    monkeypatch.setattr(module, "_PATIENCE", 100.0)
    with Bars() as bars:
        bars.show("a.py", Progress(40, 100, 3))
    assert terminal.getvalue() == ""


def test_nothing_is_written_where_output_is_piped(connect, monkeypatch):
    terminal = connect()
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    with Bars() as bars:
        bars.show("a.py", Progress(40, 100, 3))
    assert terminal.getvalue() == ""


def test_bars_can_be_moved_from_several_threads(connect):
    terminal = connect()
    with Bars() as bars:
        threads = [
            threading.Thread(target=bars.show, args=(f"{number}.py", Progress(number, 10, 0))) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(f"{number}.py" in terminal.getvalue() for number in range(8))
