"""Reading a candidate as it will be run: its model, the modules beside it, its probes."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from cwm_engine.checking.evidence import Program
from cwm_engine.diagnosis.session import Settings
from cwm_engine.findings import Finding
from cwm_engine.world_model.blocks import Instrumented
from cwm_engine.world_model.discovery import discover
from cwm_engine.world_model.imports import ALLOWED_MODULES, resolve_imports
from cwm_engine.world_model.probes import instrument
from cwm_engine.world_model.source import parse, split_lines


@dataclass(frozen=True)
class Reading:
    """A text that parses.

    Attributes:
        text: The text.
        tree: Its syntax.
        program: The model in it.
        instrumented: The same with probes.
    """

    text: str
    tree: ast.Module
    program: Program
    instrumented: Instrumented


def read(text: str, settings: Settings) -> Reading | None:
    """The model of a text; None where it does not parse or holds none.

    Args:
        text: The file's text.
        settings: Which model of the file is meant, and what it may import. Without a name it is the first.
    """
    tree = parse(text)
    if isinstance(tree, Finding):
        return None
    lines = split_lines(text)
    specs = [spec for spec in discover(tree, lines).models if settings.model in (None, spec.name)]
    if not specs:
        return None
    imports = resolve_imports(tree, settings.path, settings.allow_modules, root=settings.root, lines=lines)
    program = Program(
        source=text,
        spec=specs[0],
        siblings=imports.siblings,
        package=imports.package,
        goal=settings.goal,
        preload=imports.preload,
        allowed=ALLOWED_MODULES | {name.partition(".")[0] for name in settings.allow_modules},
    )
    return Reading(text, tree, program, instrument(tree))
