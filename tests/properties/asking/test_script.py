"""The script that asks the real environment: it runs by itself and records what really happens."""

import ast
import subprocess
import sys

from cwm_engine.checking.prepared import Prepared
from cwm_engine.findings import Span
from cwm_engine.properties.adequacy.mutants import Mutant
from cwm_engine.properties.adequacy.operators import Operator
from cwm_engine.properties.adequacy.score import Fate, Subject, adequacy
from cwm_engine.properties.asking.script import recording_script
from cwm_engine.properties.asking.search import Question, Start, ask, reset_starts
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.load import load_dataset
from tests.checks import program_of
from tests.recordings import recorded, right_model


def question(seed, actions, now="2", line=3, episode=None):
    return Question(
        Mutant(0, Operator.CONSTANT, Span(line, 1, line, 2), "1", now, (0, 0, "")),
        Start([0], seed, episode),
        tuple(actions),
    )


def test_sequences_are_written_once_with_everything_they_show():
    text = recording_script(
        [question(3, [0, 1]), question(3, [0, 1], now="4", line=9), question(None, [1], episode=0)],
        model="models/x.py", environment="CartPole-v1", path="trajectories/x_asked.sqlite",
    )  # fmt: skip
    namespace = {}
    exec(compile(ast.parse(text), "script.py", "exec"), {"__file__": "script.py", "__name__": "script"}, namespace)
    assert namespace["SEQUENCES"] == [(3, [0, 1])]
    assert namespace["ENVIRONMENT"] == "CartPole-v1"
    assert "# line 3: `1` or `2`\n    # line 9: `1` or `4`" in text


def test_long_sequences_and_actions_of_many_numbers_are_python():
    actions = [[0.5, -1.25]] * 80
    text = recording_script(
        [question(0, actions)],
        model='"odd".py',
        environment="Some-v0",
        kwargs={"a": None, "b": [True]},
        path="x.sqlite",
    )
    namespace = {}
    exec(compile(text, "script.py", "exec"), {"__file__": "script.py", "__name__": "script"}, namespace)
    assert namespace["SEQUENCES"] == [(0, actions)]
    assert namespace["ARGUMENTS"] == {"a": None, "b": [True]}
    assert max(map(len, text.splitlines())) <= 120


def test_what_the_script_records_kills_the_survivors(tmp_path):
    """From the recording over the survivors and the script back to a recording in which nothing survives."""
    source, dataset = right_model("CartPole-v1"), recorded("CartPole-v1")
    program = program_of(source)

    def examined(data):
        return adequacy(Subject(program, data, "plain", Prepared(data)), states=20_000)

    before = examined(dataset)
    mutants = [verdict.mutant for verdict in before.survivors]
    assert mutants
    asked = ask(program, dataset, mutants, form="plain", starts=reset_starts("CartPole-v1", None, dataset), seconds=60)
    assert not asked.open
    script = tmp_path / "ask.py"
    script.write_text(
        recording_script(asked.questions, model="m.py", environment="CartPole-v1", path="asked/new.sqlite")
    )
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "transitions" in done.stdout
    more = load_dataset([str(tmp_path / "asked" / "new.sqlite")])
    after = examined(Dataset.concatenate([dataset, more]))
    assert after.count(Fate.SURVIVED) == 0
    assert after.score == 1.0 > before.score
