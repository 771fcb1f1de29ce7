"""Stopping: at once, from another thread, and for good."""

import threading

import pytest

from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.stop import Stop, Stopped
from tests.diagnosis.test_session import ROWS, WALK
from tests.recordings import made

LONG = Limits(wall_seconds=3600, step_seconds=3600)
ENDLESS = WALK.replace("return", "while True: pass\n        return")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with Session(Settings(file="model.py", path=folder / "model.py"), made(ROWS), LONG) as session:
        yield session


def test_a_loop_without_end_is_stopped_long_before_its_deadline(session):
    stop = Stop()
    timer = threading.Timer(0.3, stop.now)
    timer.start()
    with pytest.raises(Stopped):
        session.check(ENDLESS, stop=stop)
    timer.join()


def test_a_check_that_was_stopped_before_it_began_does_not_begin(session):
    stop = Stop()
    stop.now()
    with pytest.raises(Stopped):
        session.check(WALK, stop=stop)


def test_stopping_a_check_that_is_over_changes_nothing(session):
    stop = Stop()
    (before,) = session.check(WALK, stop=stop)
    stop.now()
    stop.now()
    (after,) = session.check(WALK)
    assert (after.accuracy, after.findings) == (before.accuracy, before.findings)


def test_what_was_stopped_while_lines_were_ranked_is_told_whole_the_next_time(session):
    text = WALK.replace("0.0", "2.0")
    session.forget()
    stop, told = Stop(), []

    def stop_after_the_mismatch(report):
        told.append(report)
        stop.now()

    with pytest.raises(Stopped):
        session.check(text, on_report=stop_after_the_mismatch, stop=stop)
    (whole,) = session.check(text)
    assert len(told) == 1
    assert whole.repairs
