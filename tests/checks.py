"""Checking programs as the command does, in this process but for the sandbox, with everything it would show."""

from __future__ import annotations

import ast
import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from cwm_engine.checking.evidence import Evidence, Program
from cwm_engine.checking.prepared import Prepared
from cwm_engine.checking.report import ModelReport, Report, Status, report_schema
from cwm_engine.cli.output import OutputFormat, write_report
from cwm_engine.diagnosis.session import Session, Settings
from cwm_engine.findings import Finding
from cwm_engine.sandbox.limits import Limits
from cwm_engine.sandbox.results import PREDICTED, Results
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.world_model.discovery import discover

STILL = "class Environment:\n    def set_state(self, state):\n        self.state = state\n"
STILL += "    def step(self, action):\n        return self.state, 0.0, False\n"
"""A model in which nothing ever happens."""


def program_of(source: str, **more: Any) -> Program:
    """The first model of a text, ready to run."""
    found = discover(ast.parse(source), source.splitlines())
    return Program(source=source, spec=found.models[0], **more)


def evidence_of(dataset: Dataset, predicted: Any, status: Any = None, **more: Any) -> Evidence:
    """Evidence made of given predictions, one for each row that is run."""
    prepared = Prepared(dataset)
    predicted = np.asarray(predicted, dtype=np.float64)
    count = len(prepared.transitions)
    status = np.full(count, PREDICTED) if status is None else np.asarray(status)
    results = Results(predicted, np.zeros(count, dtype=np.uint16), status.astype(np.uint16))
    comparison = more.pop("comparison", prepared.comparison.fresh())
    runs = prepared.run_of if prepared.run_of is not None else slice(None)
    wrong = comparison.mismatches(predicted[runs], slice(None)) & ~prepared.excused
    wrong[(status != PREDICTED)[runs]] = True
    checked = more.pop("checked", np.ones(len(dataset), dtype=np.bool_))
    return Evidence(program_of(STILL), prepared, Status.COMPLETE, comparison, results, wrong, checked, **more)


@dataclass(frozen=True)
class Checked:
    """What a check of one text shows."""

    reports: tuple[ModelReport, ...]
    source: str

    @property
    def report(self) -> ModelReport:
        """The report, if there is one model."""
        (report,) = self.reports
        return report

    @property
    def codes(self) -> list[str]:
        """The codes of the findings."""
        return [finding.code for finding in self.report.findings]

    def finding(self, code: str) -> Finding:
        """The one finding of a code."""
        (finding,) = [finding for finding in self.report.findings if finding.code == code]
        return finding

    @property
    def accuracy(self) -> float | None:
        """The accuracy of the only model."""
        return self.report.accuracy

    @cached_property
    def text(self) -> str:
        """What is printed."""
        return self._written(OutputFormat.TEXT)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON document, after a look at its schema."""
        document = json.loads(self._written(OutputFormat.JSON))
        jsonschema.validate(document, report_schema())
        return document

    def says(self, code: str, message: str, line: int | None = None) -> bool:
        """Whether both the text and the document tell a finding."""
        (model,) = self.document["models"]
        found = [item for item in model["findings"] if item["code"] == code and message in item["message"]]
        place = [item for item in found if line is None or item["line"] == line]
        return bool(place) and code in self.text and message in self.text

    def _written(self, output_format: OutputFormat) -> str:
        stream = io.StringIO()
        write_report(Report(self.reports), {"model.py": self.source}, output_format, stream)
        return stream.getvalue()


class Desk:
    """A session in which one program after the other is checked.

    Args:
        dataset: The data.
        folder: Where the model's file would be.
        limits: What programs may use.
        settings: See `Settings`; no repair is looked for unless asked.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        folder: Path = Path(),
        limits: Limits = Limits(),
        repair: bool = False,
        **settings: Any,
    ) -> None:
        chosen = Settings(file="model.py", path=folder / "model.py", repair=repair, **settings)
        self._session = Session(chosen, dataset, limits)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def check(self, source: str, **callbacks: Any) -> Checked:
        """Check one text."""
        return Checked(tuple(self._session.check(source, **callbacks)), source)


def check(source: str, dataset: Dataset, **settings: Any) -> Checked:
    """Check one text against one dataset."""
    with Desk(dataset, **settings) as desk:
        return desk.check(source)
