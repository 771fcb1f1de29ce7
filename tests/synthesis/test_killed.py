"""A search that is killed with -9 again and again, at any moment, ends with the tree of one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cwm_engine.synthesis.journal import Journal

KILLS = 50
EACH = 5

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes to be killed are forked")


class Searches:
    """Makes searches, each in a process of its own."""

    def __init__(self, server):
        self._server = server

    def run(self, directory, chance=0):
        """How a search ended; a chance of 0 lets it."""
        self._server.stdin.write(f"{directory / 'run.sqlite'}\t{directory / 'paid'}\t{chance}\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


@pytest.fixture(scope="module")
def searches():
    command = [sys.executable, "-m", "tests.synthesis.killed"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], text=True, **pipes) as server:
        yield Searches(server)
        server.stdin.close()


@pytest.fixture(scope="module")
def whole(searches, tmp_path_factory):
    """The tree of a search that nobody killed."""
    directory = tmp_path_factory.mktemp("whole")
    assert searches.run(directory) == 0
    return tree(directory)


def tree(directory):
    with Journal.open(directory / "run.sqlite", writable=False) as journal:
        return json.dumps([entry.node.to_json() for entry in journal.nodes()])


def answered(directory):
    with Journal.open(directory / "run.sqlite", writable=False) as journal:
        return set(journal.answers())


def paid(directory):
    file = directory / "paid"
    return Counter(file.read_text().split()) if file.exists() else Counter()


def test_a_search_killed_at_50_moments_gives_the_same_tree_and_pays_no_reply_twice(searches, whole, tmp_path):
    """Each search is killed up to five times and then let go to its end.

    Once a reply is in the journal it is never paid again. One that was received and not yet written down when the
    search was killed is lost.
    """
    lot, kills = random.Random(7), 0
    while kills < KILLS:
        directory = tmp_path / str(kills)
        directory.mkdir()
        bought = {}
        for _ in range(EACH):
            code = searches.run(directory, lot.randint(1, 90))
            assert code in {0, -signal.SIGKILL}
            if code == 0:
                break
            kills += 1
            for number in answered(directory) - set(bought):
                bought[number] = paid(directory)[str(number)]
        assert searches.run(directory) == 0
        assert tree(directory) == whole
        assert {number: paid(directory)[str(number)] for number in bought} == bought
