"""Attack programs against the sandbox: how many have an effect with it, and how many have one without."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.sandbox.attacks import ATTACKS, Expect

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Print the table."""
    expected = {attack.name: attack.expect for attack in ATTACKS if Expect.WORKS not in attack.expect}
    table = Table(title=f"{len(expected)} attack programs")
    for heading in ("host", "isolation", "with an effect", "how the others ended"):
        table.add_column(heading)
    for mode in ("unprotected", "plain", "wrapped"):
        account = _account(mode)
        if account is None:
            table.add_row(mode, "not available here", "", "")
            continue
        answers = {name: answer for name, answer in account["answers"].items() if name in expected}
        harmful = [name for name, answer in answers.items() if _had_effect(answer, expected[name])]
        ends = Counter(answer["end"].lower() for answer in answers.values() if isinstance(answer, dict))
        told = ", ".join(f"{count} {end}" for end, count in ends.most_common())
        table.add_row(mode, account.get("level", "none"), f"{len(harmful)} of {len(answers)}", told)
    Console(width=110).print(table)


def _account(mode: str) -> dict[str, object] | None:
    command = [sys.executable, "-m", "tests.sandbox.attack_host", mode]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def _had_effect(answer: object, expected: frozenset[Expect]) -> bool:
    """Whether an attack got something, did something, or ended otherwise than an attack that failed."""
    if not isinstance(answer, dict):
        return answer == "effect"
    return bool(answer["damage"]) or answer["end"] not in {outcome.name for outcome in expected}


if __name__ == "__main__":
    main()
