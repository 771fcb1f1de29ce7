"""Coverage of models by trajectories, in the file format of coverage.py: an episode is a context.

`coverage report`, `html`, `xml` and `lcov` read it. What runs while a model is loaded is in the context without a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cwm_engine.checking.evidence import Evidence
from cwm_engine.checking.run import Runner
from cwm_engine.diagnosis.tracing import Arc, trace
from cwm_engine.errors import CwmError
from cwm_engine.files import replacing


@dataclass(frozen=True)
class Coverage:
    """What the trajectories run of one model file.

    Attributes:
        path: The file.
        contexts: What runs in each, by name: a line after another; the empty name is loading.
    """

    path: Path
    contexts: dict[str, frozenset[Arc]]


def coverage_of(runner: Runner, evidence: Evidence, path: Path) -> Coverage:
    """What each episode runs.

    Args:
        runner: Gives fresh sandboxed processes over the same data.
        evidence: What a run of the model showed.
        path: The model's file.
    """
    traced = trace(runner, evidence)
    dataset = evidence.prepared.dataset
    known = np.flatnonzero(traced.kinds >= 0)
    count = max(len(traced.arcs), 1)
    pairs = np.unique(dataset.episode[known].astype(np.int64) * count + traced.kinds[known])
    kinds: dict[int, list[int]] = {}
    for pair in pairs.tolist():
        kinds.setdefault(pair // count, []).append(pair % count)
    source = Path(dataset.provenance.source or "data").name
    united: dict[tuple[int, ...], frozenset[Arc]] = {}
    contexts = {"": traced.loading}
    for episode, numbers in kinds.items():
        key = tuple(numbers)
        if key not in united:
            united[key] = frozenset[Arc]().union(*(traced.arcs[number] for number in numbers))
        contexts[f"{source}::episode {episode}"] = united[key]
    return Coverage(path, contexts)


def write_coverage(covered: Sequence[Coverage], target: Path) -> None:
    """Write a data file of coverage.py, over whatever is there.

    Args:
        covered: What runs of each model; the same file may come several times.
        target: The file to write.

    Raises:
        CwmError: It cannot be written.
    """
    from coverage import CoverageData
    from coverage.exceptions import CoverageException

    data = CoverageData(no_disk=True)  # a file would be opened and closed for each context
    for coverage in covered:
        name = str(coverage.path.resolve())
        for context, arcs in coverage.contexts.items():
            data.set_context(context)
            data.add_arcs({name: arcs})
    with replacing(target) as scratch:
        written = CoverageData(basename=str(scratch))
        try:
            written.update(data)
        except CoverageException as error:
            raise CwmError(f"cannot be written: {error}", path=target) from error
        finally:
            written.close()
