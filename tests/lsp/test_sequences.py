"""Whatever an editor does, in whatever order: a state machine that opens, edits, saves, closes, configures, cancels."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cwm_engine.cli.check import CheckOptions, check
from tests.lsp.conftest import WALK, project_in
from tests.lsp.wire import Wire

TEXTS = {
    "right": WALK,
    "wrong": WALK.replace("+ action", "- action"),
    "commented": "# 散歩 🚶🏽\n" + WALK.replace("+ action", "- action"),
    "no Python": WALK + "(",
    "raises": WALK.replace("        return", "        1 / action\n        return"),
    "endless": WALK.replace("        return", "        while action:\n            pass\n        return"),
    "no model": "x = 1\n",
}
FILES = ("walk", "walk_b", "walk_c")


@cache
def expected(text):
    """The codes that `cwm check` finds in a text."""
    with tempfile.TemporaryDirectory() as folder:
        project = project_in(Path(folder))
        project.model.write_text(text)
        (outcome,) = check(CheckOptions(files=(str(project.model),)))
    return sorted(finding.code for report in outcome.reports for finding in report.findings)


class Sequences(RuleBasedStateMachine):
    """One server, three files."""

    wire: Wire
    folder: Path

    def __init__(self):
        super().__init__()
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.asked: list[int] = []
        self.first = len(self.wire.received)

    @rule(file=st.sampled_from(FILES), text=st.sampled_from(list(TEXTS)))
    def open_or_edit(self, file, text):
        self.texts[file] = TEXTS[text]
        if file not in self.versions:
            self.versions[file] = 1
            document = {"uri": self.uri(file), "languageId": "python", "version": 1, "text": TEXTS[text]}
            self.wire.notify("textDocument/didOpen", {"textDocument": document})
            return
        self.versions[file] += 1
        document = {"uri": self.uri(file), "version": self.versions[file]}
        changes = [{"text": TEXTS[text]}]
        self.wire.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def save(self, data):
        file = data.draw(st.sampled_from(sorted(self.versions)))
        self.wire.notify("textDocument/didSave", {"textDocument": {"uri": self.uri(file)}})

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def close(self, data):
        file = data.draw(st.sampled_from(sorted(self.versions)))
        del self.versions[file], self.texts[file]
        self.wire.notify("textDocument/didClose", {"textDocument": {"uri": self.uri(file)}})

    @rule(run=st.sampled_from(["onType", "onSave", "manual"]), workers=st.integers(1, 3))
    def configure(self, run, workers):
        self.wire.notify("workspace/didChangeConfiguration", {"settings": {"cwm": {"run": run, "workers": workers}}})

    @rule(file=st.sampled_from(FILES))
    def ask(self, file):
        self.asked.append(self.wire.send("cwm/check", {"uri": self.uri(file)}))

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def cancel(self, data):
        self.wire.notify("$/cancelRequest", {"id": data.draw(st.sampled_from(self.asked))})

    @rule(name=st.sampled_from(["trajectories/walk.jsonl", "cwm.toml", "walk_b.py"]))
    def change_on_disk(self, name):
        change = {"uri": (self.folder / name).as_uri(), "type": 2}
        self.wire.notify("workspace/didChangeWatchedFiles", {"changes": [change]})

    @invariant()
    def alive(self):
        assert self.wire.process.poll() is None

    def teardown(self):
        for file in self.versions:
            self.agrees(file)
        for file in list(self.versions):
            self.wire.notify("textDocument/didClose", {"textDocument": {"uri": self.uri(file)}})
        self.wire.request("cwm/nothing")
        received = self.wire.received[self.first :]
        for number in self.asked:
            answers = [message for message in received if message.get("id") == number and "method" not in message]
            if not answers:
                answers = [self.wire.answer(number)]
            assert len(answers) == 1
        for file in FILES:
            assert not self.shown(file), "a closed file has diagnostics"

    def agrees(self, file):
        """Ask for a check and compare what is shown after it."""
        answer = self.wire.request("cwm/check", {"uri": self.uri(file)})
        assert answer["result"]["version"] == self.versions[file]
        found = [finding["code"] for model in answer["result"]["report"]["models"] for finding in model["findings"]]
        assert sorted(found) == expected(self.texts[file])
        assert sorted(item["code"] for item in self.shown(file)) == expected(self.texts[file])

    def shown(self, file):
        """What is shown of a file; the versions are looked at on the way."""
        shown, last = [], 0
        for message in self.wire.received[self.first :]:
            params = message.get("params")
            if message.get("method") != "textDocument/publishDiagnostics" or params["uri"] != self.uri(file):
                continue
            shown, version = params["diagnostics"], params.get("version")
            if version is None:
                last = 0  # closed
            else:
                assert version >= last
                last = version
        return shown

    def uri(self, file):
        return (self.folder / f"{file}.py").as_uri()


@pytest.mark.timeout(600)
def test_whatever_an_editor_does_the_answers_are_right(tmp_path):
    project_in(tmp_path)
    for file in FILES[1:]:
        shutil.copy(tmp_path / "trajectories" / "walk.jsonl", tmp_path / "trajectories" / f"{file}.jsonl")
        shutil.copy(tmp_path / "walk.py", tmp_path / f"{file}.py")
    with Wire() as wire:
        wire.enter()
        Sequences.wire, Sequences.folder = wire, tmp_path
        run_state_machine_as_test(
            Sequences,
            settings=settings(
                max_examples=8,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert wire.end() == 0
