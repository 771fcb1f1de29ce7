"""The job of checking one file, in this process, with a channel that remembers."""

from __future__ import annotations

import threading

import pytest

from cwm_server.checker import Checker

STUCK = "        sum(range(10**12))\n        return"
SECONDS = 60


class Told:
    """A channel that remembers what was sent."""

    def __init__(self):
        self.messages = []
        self._news = threading.Condition()

    def send(self, data):
        with self._news:
            self.messages.append(data)
            self._news.notify_all()

    def wait_for(self, **wanted):
        """The first message with these values."""
        with self._news:
            assert self._news.wait_for(lambda: self._find(wanted) is not None, SECONDS), self.messages
            return self._find(wanted)

    def events(self, run):
        return [message["event"] for message in self.messages if message.get("run") == run]

    def _find(self, wanted):
        return next((message for message in self.messages if wanted.items() <= message.items()), None)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def checker(told, project):
    """A checker at work in a thread of its own."""
    checker = Checker(told, {"path": str(project.model), "name": str(project.model)})
    thread = threading.Thread(target=checker.serve)
    thread.start()
    yield checker
    checker.take(None)
    thread.join()


def request(run, text, **more):
    usual = {"execute": True, "anyway": False, "isolation": "full", "atol": None, "rtol": None, "seconds": None}
    return {"check": {"run": run, "text": text, **usual, **more}}


def test_what_the_syntax_tree_shows_comes_first_then_mismatches_then_everything(checker, told, project):
    checker.take(request(1, project.wrong))
    done = told.wait_for(event="done", run=1)
    events = told.events(1)
    assert (events[0], events[-1], done["outcome"]) == ("interface", "done", "checked")
    assert events.count("report") >= 2
    assert done["reports"][0]["report"]["repairs"]


def test_a_newer_text_ends_the_check_of_the_one_before(checker, told, project):
    checker.take(request(1, project.text.replace("        return", STUCK)))
    told.wait_for(event="interface", run=1)
    checker.take(request(2, project.wrong))
    told.wait_for(event="done", run=2)
    assert "done" not in told.events(1)


def test_a_check_that_is_stopped_says_so_and_the_next_one_runs(checker, told, project):
    checker.take(request(1, project.text))
    told.wait_for(event="done", run=1)
    checker.take(request(2, project.text.replace("        return", STUCK)))
    timer = threading.Timer(0.2, checker.take, ({"stop": True},))
    timer.start()
    told.wait_for(event="stopped", run=2)
    checker.take(request(3, project.text))
    assert told.wait_for(event="done", run=3)["reports"][0]["report"]["accuracy"] == 1.0
    timer.join()


@pytest.mark.parametrize("level", ["partial", "process"])
def test_below_the_full_isolation_level_nothing_runs_until_the_user_says_so(checker, told, project, level):
    checker.take(request(1, project.wrong, isolation=level))
    done = told.wait_for(event="done", run=1)
    assert (done["outcome"], list(done["reports"]), done["isolation"]) == ("blocked", [], level)
    checker.take(request(2, project.wrong, isolation=level, anyway=True))
    assert told.wait_for(event="done", run=2)["outcome"] == "checked"


def test_what_may_not_run_is_read_all_the_same(checker, told, project):
    checker.take(request(1, f"{project.text}(", execute=False))
    interface = told.wait_for(event="interface", run=1)
    assert (interface["broken"], interface["report"]["findings"][0]["code"]) == (True, "CWM101")
    assert told.wait_for(event="done", run=1)["outcome"] == "notRun"
    assert checker.opened == ()


def test_the_files_that_decide_about_a_report_are_told(checker, told, project):
    (project.folder / "rules.py").write_text("LIMIT = 3\n")
    checker.take(request(1, f"from rules import LIMIT\n{project.text}"))
    watched = told.wait_for(event="done", run=1)["watched"]
    expected = [
        project.folder / "rules.py",
        project.folder / "trajectories" / "walk.jsonl",
        project.folder / "cwm.toml",
    ]
    assert {str(path) for path in expected} <= set(watched)


def test_data_that_failed_to_load_is_not_loaded_again_at_every_keystroke(checker, told, project):
    data = project.folder / "trajectories" / "walk.jsonl"
    good = data.read_bytes()
    data.write_text("nonsense\n")
    checker.take(request(1, project.text))
    assert "walk.jsonl" in told.wait_for(event="done", run=1)["reports"][0]["report"]["message"]
    data.write_bytes(good)
    checker.take(request(2, project.text))
    assert told.wait_for(event="done", run=2)["outcome"] == "failed"
    checker.take({"reload": True})
    checker.take(request(3, project.text))
    assert told.wait_for(event="done", run=3)["outcome"] == "checked"


def test_a_configured_model_that_is_not_there_is_said(checker, told, project):
    (project.folder / "cwm.toml").write_text(
        '[[models]]\nfile = "walk.py::Stroll"\ntrajectories = "trajectories/walk.jsonl"\n'
    )
    checker.take(request(1, project.text))
    (report,) = told.wait_for(event="done", run=1)["reports"]
    assert "holds no model named `Stroll`" in report["report"]["message"]


def test_several_entries_for_one_file_are_all_checked(checker, told, project):
    entry = '[[models]]\nfile = "walk.py::{}"\ntrajectories = "trajectories/walk.jsonl"\n'
    (project.folder / "cwm.toml").write_text(entry.format("Environment") + entry.format("Other"))
    checker.take(request(1, f"{project.text}\n\n{project.wrong.replace('Environment', 'Other')}"))
    reports = [item["report"] for item in told.wait_for(event="done", run=1)["reports"]]
    assert [(report["class"], report["accuracy"]) for report in reports] == [("Environment", 1.0), ("Other", 1 / 3)]


def test_features_may_ask_while_a_check_goes_on(checker, told, project):
    checker.take(request(1, project.text))
    told.wait_for(event="done", run=1)
    checker.take(request(2, project.text.replace("        return", STUCK)))
    checker.take({"ask": 7, "function": "tests.lsp.test_checker:count_rows", "params": {"factor": 2}})
    assert told.wait_for(event="answer", ask=7)["result"] == 60
    assert "done" not in told.events(2)


def test_a_question_that_cannot_be_answered_is_answered_with_the_reason(checker, told):
    checker.take({"ask": 8, "function": "tests.lsp.test_checker:complain", "params": {}})
    assert told.wait_for(event="answer", ask=8)["error"] == "RuntimeError: no"


def count_rows(checker, params):
    return sum(len(opened.dataset) for opened in checker.opened) * params["factor"]


def complain(_checker, _params):
    raise RuntimeError("no")
