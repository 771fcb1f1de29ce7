"""The journal: what is written is there again, once, whoever looks."""

import sqlite3

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.interfaces import Estimate, Proposal, Request, SearchAction, Selection, Usage
from cwm_engine.synthesis.journal import Answer, Journal, request_hash
from cwm_engine.synthesis.runs import delete_run, find_run, list_runs, new_run_path, runs_directory
from cwm_engine.synthesis.tree import ROOT, Tree

SELECTION = Selection(ROOT, SearchAction.GENERATE)
ANSWER = Answer(
    SELECTION,
    (
        Proposal(program="x = 1\n", reply="```x = 1```", usage=Usage(7, 5), cost=0.25, seconds=1.5, prompt="Write."),
        Proposal(program=None, reply="No.", reason="the reply holds no code"),
    ),
    1,
)


@pytest.fixture
def journal(tmp_path):
    with Journal.create(tmp_path / "run.sqlite", {"seed": 3}) as journal:
        yield journal


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("CWM_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_a_header_is_there_again(journal):
    assert journal.header == {"format": 1, "seed": 3}


def test_answers_are_there_again(journal):
    journal.add_answer(4, "abc", ANSWER)
    assert journal.answers() == {4: ANSWER}
    assert journal.recorded("abc") == ANSWER.proposals
    assert journal.recorded("other") is None


def test_the_same_reply_is_kept_once(journal):
    for number in range(3):
        journal.add_answer(number, f"request {number}", ANSWER)
    with sqlite3.connect(journal.path) as connection:
        assert connection.execute("SELECT count(*) FROM replies").fetchone() == (2,)
    connection.close()


def test_a_request_is_answered_once(journal):
    journal.add_answer(0, "abc", ANSWER)
    with pytest.raises(CwmError, match="cannot be written"):
        journal.add_answer(0, "abc", ANSWER)
    assert len(journal.answers()) == 1


def test_nodes_are_there_again_in_the_order_of_the_tree(journal):
    tree = Tree()
    for accuracy in (0.5, 0.25):
        journal.add_node(tree.add(SELECTION, "x = 1\n", Evaluation(accuracy=accuracy)), elapsed=accuracy)
    assert [entry.node for entry in journal.nodes()] == list(tree)[1:]
    assert [entry.elapsed for entry in journal.nodes()] == [0.5, 0.25]


def test_calls_without_an_answer_are_lost(journal):
    """Request 0 was sent twice, because the search was killed in between; request 1 was never answered."""
    estimates = [Estimate(Usage(number, 0), 0.5) for number in range(3)]
    journal.add_call(0, estimates[0])
    journal.add_call(0, estimates[1])
    journal.add_call(1, estimates[2])
    journal.add_answer(0, "abc", ANSWER)
    assert journal.lost() == [estimates[0], estimates[2]]


def test_a_call_that_was_refused_is_not_lost(journal):
    journal.add_call(0, Estimate(Usage(5, 0), 0.5))
    journal.add_refusal(0)
    assert journal.lost() == []


def test_the_last_ending_counts(journal):
    assert journal.result is None
    journal.add_ending({"status": "cancelled"})
    journal.add_ending({"status": "verified"})
    assert journal.result == {"status": "verified"}


def test_a_run_is_written_by_one_process_and_read_by_many(journal):
    with pytest.raises(CwmError, match="another process"):
        Journal.open(journal.path)
    with Journal.open(journal.path, writable=False) as reader:
        assert reader.header["seed"] == 3


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "notes.sqlite"
    path.write_text("these are notes, and no database at all, however long they may become" * 20)
    for writable in (True, False):
        with pytest.raises(CwmError, match="not the journal of a search"):
            Journal.open(path, writable=writable)


def test_a_run_that_was_killed_before_it_began_says_so(tmp_path):
    (tmp_path / "run.sqlite").touch()
    with pytest.raises(CwmError, match="ended before it began"):
        Journal.open(tmp_path / "run.sqlite")


def test_a_run_is_not_begun_twice(journal):
    with pytest.raises(CwmError, match="is there already"):
        Journal.create(journal.path, {})


def test_a_request_has_one_hash_and_every_part_of_it_counts():
    request = Request(action=SearchAction.GENERATE, description="A cart.")
    assert request_hash(request) == request_hash(Request(action=SearchAction.GENERATE, description="A cart."))
    assert request_hash(request) != request_hash(Request(action=SearchAction.GENERATE, description="A car."))
    assert request_hash(request) != request_hash(Request(action=SearchAction.GENERATE, description="A cart.", number=1))


def test_runs_are_listed_found_and_deleted(runs):
    for name in ("cartpole.py", "taxi.py"):
        Journal.create(new_run_path(name), {"seed": 1}).close()
    assert [run.header["seed"] for run in list_runs()] == [1, 1]
    path = find_run("cartpole")
    assert delete_run(path.stem) == path
    assert [run.id[:4] for run in list_runs()] == ["taxi"]
    assert not list(runs.glob("cartpole*"))


def test_a_name_that_fits_several_runs_is_refused(runs):
    for _ in range(2):
        Journal.create(new_run_path("taxi"), {}).close()
    with pytest.raises(CwmError, match="beginning of 2 runs"):
        find_run("taxi")
    with pytest.raises(CwmError, match="no run 'cart'"):
        find_run("cart")


def test_a_run_at_work_is_not_deleted(runs):
    with Journal.create(new_run_path("taxi"), {}) as journal, pytest.raises(CwmError, match="another process"):
        delete_run(journal.path.stem)
    assert runs_directory() == runs


def test_a_directory_that_is_a_file_says_so(runs):
    runs.write_text("no directory")
    with pytest.raises(CwmError, match="cannot be written"):
        Journal.create(new_run_path("taxi"), {})
    assert list_runs() == []


def test_a_damaged_run_is_listed_with_its_problem(runs):
    runs.mkdir()
    (runs / "broken.sqlite").write_bytes(b"nothing")
    assert [(run.id, run.problem is not None) for run in list_runs()] == [("broken", True)]
