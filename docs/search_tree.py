"""Takes docs/images/search_tree.png, a picture of `cwm show --html`, in Chromium: `make docs`.

The search is a real one over the Taxi example; an author who is right more often than not stands in for a language
model, so that the picture can be taken anywhere and shows a tree worth looking at.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cwm_engine.cli.show_page import page
from cwm_engine.diagnosis.session import Settings
from cwm_engine.synthesis.budget import Limits
from cwm_engine.synthesis.interfaces import WRITING, Estimate, Proposal, Request, SearchAction, Usage
from cwm_engine.synthesis.journal import Journal
from cwm_engine.synthesis.problem import Options, Problem, run_header
from cwm_engine.synthesis.prompt import build_messages, show_messages
from cwm_engine.synthesis.search import Search
from cwm_engine.synthesis.view import tree_json
from cwm_engine.trajectories.load import load_dataset

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "search_tree.png"
TAXI = ROOT / "examples" / "taxi"
RIGHT = (TAXI / "taxi.py").read_text()
FAULTS = [
    ("min(row + 1, 4)", "min(row + 1, 3)"),
    ("max(row - 1, 0)", "max(row - 1, 1)"),
    ("2 * column + 2] ==", "2 * column + 3] !="),
    ("column = column - 1", "column = max(column - 2, 0)"),
    ("else:\n                reward = -10\n        elif", "else:\n                reward = -1\n        elif"),
    ("reward, done = 20, True", "reward, done = 20, False"),
    ("passenger = LANDMARKS.index(here)", "passenger = destination"),
    ('"|Y| : |B: |"', '"|Y| : |B| |"'),
]
BUGS = [("def step(self, action):", "def step(self, action)"), ("rest, passenger = divmod", "passenger = divmod")]
SEED, NODES = 3, 24
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]


class Author:
    """Repairs one fault at a time, and makes a new one now and then."""

    name = "openai"
    actions = WRITING

    def __init__(self) -> None:
        self._random = random.Random(SEED)

    def estimate(self, _: Request) -> Estimate:
        return Estimate(Usage(3000, 1500), 0.05)

    async def propose(self, request: Request) -> Sequence[Proposal]:
        prompt = show_messages(build_messages(request))
        program = self._program(request)
        reply = f"The findings point at the marked lines.\n\n```python\n{program}```\n"
        usage = Usage(len(prompt) // 4, len(reply) // 4)
        return [Proposal(program=program, reply=reply, usage=usage, cost=usage.tokens * 2e-6, prompt=prompt)]

    def _program(self, request: Request) -> str:
        draw = self._random
        if request.program is None:
            faults = draw.sample(FAULTS, 5)
        else:
            faults = [fault for fault in FAULTS if fault[1] in request.program]
            if faults and request.action is not SearchAction.FIX:
                faults.remove(draw.choice(faults))
        if draw.random() < 0.5:
            faults = [*faults, draw.choice(FAULTS)]
        if draw.random() < 0.2:
            faults = [*faults, draw.choice(BUGS)]
        program = RIGHT
        for right, wrong in faults:
            program = program.replace(right, wrong)
        return program


def main() -> None:
    """Search, write the page, take the picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("docs/images/search_tree.png is left as it is: there is no Chromium here")
    problem = Problem(
        settings=Settings(file="taxi.py", path=TAXI / "taxi.py"),
        dataset=load_dataset([str(TAXI / "trajectories" / "taxi.jsonl")]),
    )
    options = Options(strategy="rex", limits=Limits(nodes=NODES), seed=SEED)
    author = Author()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "taxi-20261121.sqlite"
        with Journal.create(path, run_header(problem, options, author.name)) as journal:
            asyncio.run(Search(problem, author, journal, options).run())
            path.with_suffix(".html").write_text(page(tree_json(journal)))
        command = [chromium, *FLAGS, f"--user-data-dir={folder}/profile", "--window-size=1400,660"]
        command += [f"--screenshot={PICTURE}", path.with_suffix(".html").as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    main()
