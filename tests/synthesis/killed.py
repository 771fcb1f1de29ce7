"""Searches that kill themselves at their n-th chance: at any statement of their journal, and at every event.

As a program it reads lines `RUN PAID CHANCE`, makes each search in a process of its own, and answers with how it ended.
CHANCE 0 never kills; PAID gets a line for each reply that was paid. Candidates are not run here: what they are worth is
written in them, so that fifty searches take seconds.
"""

import asyncio
import itertools
import os
import random
import signal
import sys
import traceback
from pathlib import Path

from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.evaluation import Evaluation
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.search import Search
from tests.synthesis.scripted import Scripted
from tests.synthesis.worlds import dataset

NODES = 14
OPTIONS = Options(parallel=3, limits=Limits(nodes=NODES, calls=NODES))
PROBLEM = Problem(settings=Settings(file="counter.py", path=Path("counter.py")), dataset=dataset(3))


class Oracle:
    """Evaluates as an evaluator does, but only reads what a candidate says of itself."""

    async def searched(self, program):
        await asyncio.sleep(0)
        value = float(program.split()[1])
        return Evaluation(accuracy=value, buggy=value == 0)

    async def heldout(self, program):
        return await self.searched(program)

    def close(self):
        pass


def script(number):
    lot = random.Random(number)
    return f"# {lot.choice([0, 0.2, 0.5, 0.8])}\n" + f"x = {number}\n" * lot.randint(1, 30)


class Paid(Scripted):
    """Notes every reply that is paid, before anyone hears of it."""

    def __init__(self, file):
        super().__init__(script, delay=lambda number: random.Random(number).random() / 500)
        self._file = file

    async def propose(self, request):
        proposals = await super().propose(request)
        with self._file.open("a") as file:
            file.write(f"{request.number}\n")
        return proposals


def search(path, paid, chance):
    """Begin a run or go on with it; never returns if it comes to its chance."""
    chances = itertools.count(1)

    def maybe_die(_):
        if next(chances) == chance:
            os.kill(os.getpid(), signal.SIGKILL)

    proposer = Paid(paid)
    if not path.exists():
        Journal.create(path, run_header(PROBLEM, OPTIONS, proposer.name)).close()
    with Journal.open(path) as journal:
        # A statement is a chance too, so that it happens within transactions.
        journal._connection.set_trace_callback(maybe_die)
        asyncio.run(Search(PROBLEM, proposer, journal, OPTIONS, checks=Oracle(), on_event=maybe_die).run())


def main():
    for line in sys.stdin:
        run, paid, chance = line.split("\t")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                search(Path(run), Path(paid), int(chance))
                code = 0
            finally:
                traceback.print_exc() if code else None
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
