"""Writing tests: from what is known of an environment to a file of pytest and Hypothesis a person would own."""

from __future__ import annotations

from cwm_engine.properties.generation.mined import mined_tests
from cwm_engine.properties.generation.model_text import header, helper_region, model_regions
from cwm_engine.properties.generation.owed import interface_tests, metamorphic_tests, purity_tests
from cwm_engine.properties.generation.pinned import pinned_tests
from cwm_engine.properties.generation.regions import Merged, Region, merge, written
from cwm_engine.properties.generation.strategies import data_region
from cwm_engine.properties.generation.subject import Subject, file_of_tests, subject_of
from cwm_engine.properties.invariants import Invariant
from cwm_engine.properties.suite import Suite
from cwm_engine.trajectories.dataset import Dataset

__all__ = ["Merged", "Region", "Subject", "file_of_tests", "generated", "merge", "regions", "subject_of"]


def generated(suite: Suite, subject: Subject, pinned: Dataset | None = None) -> str:
    """A whole file of tests.

    Args:
        suite: What is known of the environment.
        subject: The model.
        pinned: Transitions that must stay right.
    """
    return written(regions(suite, subject, pinned))


def regions(suite: Suite, subject: Subject, pinned: Dataset | None = None) -> list[Region]:
    """The parts of a file of tests, in their order; `merge` brings an existing file up to date with them."""
    observed = suite.observed
    tests = [
        *interface_tests(subject, suite.dataset, suite.rewards),
        *purity_tests(subject, suite.dataset),
        *metamorphic_tests(subject, suite.dataset),
    ]
    taken = {test.name for test in tests}
    tests += mined_tests(_told(suite, subject), observed, taken)
    tests += pinned_tests(pinned, subject.ignored)
    body = [
        *model_regions(subject, suite.dataset),
        helper_region(subject),
        data_region(observed, suite.dataset, suite.invariants),
        *tests,
    ]
    return [header(subject, suite.origin, "\n".join(region.text for region in body)), *body]


def _told(suite: Suite, subject: Subject) -> list[Invariant]:
    """The invariants that are about no field that is left out."""
    return [one for one in suite.invariants if not set(one.fields) & set(subject.ignored)]
