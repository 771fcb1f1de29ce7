"""What edits may be made of: the names and constants of a file, and values of the data."""

from __future__ import annotations

import ast
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cwm_engine.diagnosis.execution.sample import Sample
from cwm_engine.diagnosis.execution.switchboard import Switchboard
from cwm_engine.trajectories.columns import Kind
from cwm_engine.trajectories.columns import leaves as leaves_of

MAX_TEXT = 40
_MAX_NAMES = 40


@dataclass(frozen=True)
class Vocabulary:
    """What edits may be made of: the names and constants of the file and values of the data.

    Attributes:
        names: Local names by function, parameters included.
        attributes: Data attributes of `self`.
        shared: Data names of the module.
        numbers: Numbers of the file, rewards of the data.
        texts: Texts of the file.
        shared_numbers: Numbers of the module with names.
        comparisons: Comparisons of the file by function; their names are in scope there.
        products: Products, powers and calls by function.
    """

    names: Mapping[str | None, tuple[str, ...]]
    attributes: tuple[str, ...]
    shared: tuple[str, ...]
    numbers: tuple[float, ...]
    texts: tuple[str, ...]
    shared_numbers: tuple[tuple[str, float], ...] = ()
    comparisons: Mapping[str | None, tuple[ast.Compare, ...]] = field(default_factory=dict)
    products: Mapping[str | None, tuple[ast.expr, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, board: Switchboard) -> Vocabulary:
        """The vocabulary of a model and its sample."""
        tree, namespace = board.tree, board.bench.machine.namespace
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        names: dict[str | None, tuple[str, ...]] = {None: ()}
        comparisons: dict[str | None, tuple[ast.Compare, ...]] = {}
        products: dict[str | None, tuple[ast.expr, ...]] = {}
        for function in functions:
            inside = list(ast.walk(function))
            local = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            local += [node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
            known = names.get(function.name, ())
            names[function.name] = tuple(dict.fromkeys([*known, *(name for name in local if name != "self")]))[
                :_MAX_NAMES
            ]
            comparisons[function.name] = tuple(node for node in inside if isinstance(node, ast.Compare))
            products[function.name] = tuple(node for node in inside if isinstance(node, ast.expr) and _is_product(node))
        stored = [
            node.attr for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name) and node.value.id == "self"
        ]  # fmt: skip
        stored += [
            target.id for owner in tree.body if isinstance(owner, ast.ClassDef) for statement in owner.body
            for target in _targets(statement) if isinstance(target, ast.Name)
        ]  # fmt: skip
        shared = [name for name, value in namespace.items() if not name.startswith("_") and is_data(value)]
        constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        rewards = dict.fromkeys(board.sample.rewards.tolist())
        texts = [text for text in constants if isinstance(text, str) and len(text) <= MAX_TEXT] + _texts_of(
            board.sample
        )
        numbers = [value for value in constants if isinstance(value, int | float) and not isinstance(value, bool)]
        numbers += [int(value) if value.is_integer() else value for value in list(rewards)[:12]]
        return cls(
            names=names,
            attributes=tuple(dict.fromkeys(stored))[:_MAX_NAMES],
            shared=tuple(shared)[:_MAX_NAMES],
            numbers=tuple(dict.fromkeys(numbers))[:_MAX_NAMES],
            texts=tuple(dict.fromkeys(texts))[:_MAX_NAMES],
            shared_numbers=tuple((name, namespace[name]) for name in shared if _is_plain_number(namespace[name])),
            comparisons=comparisons,
            products=products,
        )


def _targets(statement: ast.stmt) -> Sequence[ast.expr]:
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def _texts_of(sample: Sample) -> list[str]:
    """The texts that come up in the data."""
    columns = (*sample.following.arrays, *sample.actions.arrays)
    leaves = (*sample.layout.leaves, *(leaf for _, leaf in leaves_of(sample.actions.structure)))
    found = [array.ravel().tolist() for array, leaf in zip(columns, leaves, strict=True) if leaf.kind is Kind.TEXT]
    return list(dict.fromkeys(text for texts in found for text in texts if len(text) <= MAX_TEXT))


def _is_product(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mult | ast.Div | ast.Pow)
    return isinstance(node, ast.Call) and bool(node.args) and not node.keywords


def _is_plain_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_data(value: Any) -> bool:
    """Whether a name of a module stands for a value to compute with."""
    return value is not None and not callable(value) and not isinstance(value, types.ModuleType | type)
