"""Probes: which blocks of a program each transition executes, and a cap on its loops, from one pass over the tree.

A *block* is a set of statements that run together. Statements after an `if` belong to the block before it when neither
branch can leave, so most of a physics model is one block. A probe sets a bit, `_cwm_path |= 1 << k`, and not every
block needs one (the idea of Knuth & Stevenson 1973 and Ball & Larus 1994, on the structure of the program):

- `step`, `set_state`, `transition` and `reward` run once per transition. Outside loops, the branch that remains when
  the others were not taken must have been taken, so the last branch of each decision has no probe.
- Elsewhere several branches may run in one transition. They all have probes, and the block that leads to them has
  none: it ran if one of them did.
- Where an exception may be caught neither holds, and every block has a probe at its start.

`Instrumented.executed` undoes this. Loops call `_cwm_tick` once a turn unless they are plainly short. What both write
to is `Counters`.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from cwm_engine.world_model.blocks import Block, Instrumented, Kind, Rest, Some
from cwm_engine.world_model.counters import PATH, TICK, Counters, LoopLimit, hits_of
from cwm_engine.world_model.flow import FALLS, LEAVES, MAYBE, Context, Draft, Flow, join
from cwm_engine.world_model.syntax import Survey, is_short, is_true, matches_anything, suppresses, survey

__all__ = ["PATH", "Block", "Counters", "Instrumented", "LoopLimit", "hits_of", "instrument"]


def instrument(tree: ast.Module) -> Instrumented:
    """Insert probes at blocks and ticks into loops.

    The result is the same for the same source, so that the host can read what a child recorded. The program behaves as
    before, except that it needs the globals of `Counters` and that a loop may end in `LoopLimit`.

    Args:
        tree: A parsed program; it is not changed, and the result shares its expressions.
    """
    builder = _Builder(survey(tree))
    module = _copy(tree)
    module.body, _ = builder.suite(tree.body, builder.outside, Context("", inside=False))
    return builder.finish(module)


_Node = TypeVar("_Node", bound=ast.AST)


class _Builder:
    def __init__(self, found: Survey) -> None:
        self.survey = found
        self.outside = Draft("body", "", None, 0)
        self.drafts: list[Draft] = []
        self.suites: list[list[Any]] = []
        self.somes: list[tuple[Draft, Sequence[Draft]]] = []
        self.rests: list[tuple[Sequence[Draft], Draft, tuple[int, int]]] = []
        self.has_loops = False

    # Statements. Each method returns the copy and the flow; `block` is the block the statement starts in.

    def suite(
        self, body: Sequence[ast.stmt], block: Draft, context: Context, *, after: Sequence[ast.stmt] | None = None
    ) -> tuple[list[Any], Flow]:
        """Copy statements; they open `block` if `after` says what stands before them (a docstring or nothing)."""
        out = self._suite_of(*(after or ()), *([block] if after is not None and context.inside else ()))
        total = Flow(FALLS, block)
        cut = False
        for statement in body:
            if cut and context.inside:
                block = self._draft("after", context, block, statement.lineno)
                out.append(block)
            new, flow = self._statement(statement, block, context)
            out.append(new)
            block = flow.block
            yields = context.yields and self._has_yield(statement)
            cut = flow.falls != FALLS or context.guarded or yields
            total.falls = max(total.falls, flow.falls, MAYBE if yields else FALLS)
            total.exits |= flow.exits
            total.breaks |= flow.breaks
        total.block = block
        return out, total

    def _statement(self, node: ast.stmt, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        method = self._COMPOUND.get(node.__class__)
        if method is not None:
            result: tuple[ast.stmt, Flow] = method(self, node, block, context)
            return result
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            block.cover(node.lineno, node.end_lineno)
        if isinstance(node, ast.Return | ast.Raise):
            return node, Flow(LEAVES, block, exits=True)
        if isinstance(node, ast.Break | ast.Continue):
            return node, Flow(LEAVES, block, breaks=isinstance(node, ast.Break))
        return node, Flow(FALLS, block)

    def _function(self, node: ast.FunctionDef, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        for line in (*(decorator.lineno for decorator in node.decorator_list), node.lineno):
            block.cover(line, line)
        new = _copy(node)
        inner = Context(
            f"{context.function}.{node.name}" if context.function else node.name,
            line=node.lineno,
            once=node.name in self.survey.once and not context.inside,
        )
        if self._has_yield(node):
            inner = replace(inner, once=False, yields=True)
        documented = ast.get_docstring(node, clean=False) is not None
        if len(node.body) > documented:
            draft = self._draft("body", inner, None, node.body[documented].lineno)
            before = [*node.body[:documented], ast.Global([PATH], **_at(node.body[documented].lineno))]
            new.body, _ = self.suite(node.body[documented:], draft, inner, after=before)
        return new, Flow(FALLS, block)

    def _class(self, node: ast.ClassDef, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        for line in (*(decorator.lineno for decorator in node.decorator_list), node.lineno):
            block.cover(line, line)
        new = _copy(node)
        name = f"{context.function}.{node.name}" if context.function else node.name
        new.body, flow = self.suite(node.body, block, replace(context, function=name))
        if context.inside:
            documented = ast.get_docstring(node, clean=False) is not None
            new.body.insert(documented, ast.Global([PATH], **_at(node.lineno)))
        return new, flow

    def _if(self, node: ast.If, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        """An `if` with all its `elif`, in a loop because such chains can be longer than the stack is deep."""
        chain: list[tuple[ast.If, Draft, Draft, Flow]] = []
        parent = block
        while True:
            new = _copy(node)
            parent.cover(node.lineno, node.test.end_lineno)
            then = self._draft("then", context, parent, node.body[0].lineno)
            new.body, flow = self.suite(node.body, then, context, after=())
            chain.append((new, parent, then, flow))
            if not (len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)):
                break
            node = node.orelse[0]
            parent = self._draft("else", context, parent, node.lineno)
        kind: Kind = "else" if node.orelse else "skip"
        other = self._draft(kind, context, parent, (node.orelse or [node])[0].lineno)
        orelse, rest = self.suite(node.orelse, other, context, after=())
        for new, parent, then, flow in reversed(chain):
            new.orelse = orelse
            self._decide(parent, (then, other), context, new.test.end_lineno)
            rest = join((then, other), (flow, rest), parent)
            other, orelse = parent, self._suite_of(*([parent] if context.inside else ()), new)
        return chain[0][0], rest

    def _match(self, node: ast.Match, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        block.cover(node.lineno, node.subject.end_lineno)
        new = _copy(node)
        new.cases = []
        branches: list[Draft] = []
        flows: list[Flow] = []
        for case in node.cases:
            block.cover(case.pattern.lineno, (case.guard or case.pattern).end_lineno)
            branches.append(self._draft("case", context, block, case.body[0].lineno))
            copied = _copy(case)
            copied.body, flow = self.suite(case.body, branches[-1], context, after=())
            new.cases.append(copied)
            flows.append(flow)
        last = node.cases[-1]
        if last.guard is not None or not matches_anything(last.pattern):
            other = self._draft("skip", context, block, node.lineno)
            branches.append(other)
            flows.append(Flow(FALLS, other))
            if context.inside:
                nothing = ast.MatchAs(None, None, **_at(node.lineno))
                new.cases.append(ast.match_case(nothing, None, self._suite_of(other, ast.Pass(**_at(node.lineno)))))
        self._decide(block, branches, context, (last.guard or last.pattern).end_lineno)
        return new, join(branches, flows, block)

    def _loop(self, node: ast.For | ast.While, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        test = node.test if isinstance(node, ast.While) else node.iter
        block.cover(node.lineno, test.end_lineno)
        new = _copy(node)
        turn = self._draft("loop", context, block, node.body[0].lineno)
        new.body, body = self.suite(node.body, turn, replace(context, once=False), after=())
        if isinstance(node, ast.While) or not is_short(node.iter):
            self.has_loops = True
            new.body.insert(0, ast.Expr(_call(TICK, node.lineno), **_at(node.lineno)))
        after = Flow(MAYBE if body.exits else FALLS, block, exits=body.exits)
        if node.orelse and body.breaks:
            draft = self._draft("loop-else", context, block, node.orelse[0].lineno)
            new.orelse, other = self.suite(node.orelse, draft, context, after=())
            through = other.falls == FALLS and other.block is draft
            falls = after.falls if through else MAYBE
            after = Flow(falls, block, body.exits or other.exits, other.breaks)
        elif node.orelse:
            if after.falls != FALLS:
                block = self._draft("after", context, block, node.orelse[0].lineno)
            new.orelse, other = self.suite(node.orelse, block, context, after=() if after.falls != FALLS else None)
            after = Flow(max(after.falls, other.falls), other.block, body.exits or other.exits, other.breaks)
        elif isinstance(node, ast.While) and is_true(node.test) and not body.breaks:
            after.falls = LEAVES
        return new, after

    def _try(self, node: ast.Try, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        new = _copy(node)
        guarded = replace(context, guarded=True, once=False)
        kinds: tuple[tuple[str, Kind, Context], ...] = (
            ("body", "try", guarded),
            ("orelse", "else", context),
            ("finalbody", "finally", context),
        )
        flows: dict[str, Flow] = {}
        for name, kind, inner in kinds:
            body = getattr(node, name)
            if body:
                draft = self._draft(kind, context, block, body[0].lineno)
                suite, flows[name] = self.suite(body, draft, inner, after=())
                setattr(new, name, suite)
        new.handlers = []
        caught: list[Flow] = []
        for handler in node.handlers:
            draft = self._draft("except", context, block, handler.lineno)
            draft.cover(handler.lineno, (handler.type or handler).lineno)
            copied = _copy(handler)
            copied.body, flow = self.suite(handler.body, draft, context, after=())
            new.handlers.append(copied)
            caught.append(flow)
        main = flows.get("orelse", flows["body"])
        all_flows = [*flows.values(), *caught]
        leaves = all(flow.falls == LEAVES for flow in (main, *caught)) or (
            "finalbody" in flows and flows["finalbody"].falls == LEAVES
        )
        return new, Flow(
            LEAVES if leaves else MAYBE,
            block,
            exits=any(flow.exits for flow in all_flows),
            breaks=any(flow.breaks for flow in all_flows),
        )

    def _with(self, node: ast.With, block: Draft, context: Context) -> tuple[ast.stmt, Flow]:
        block.cover(node.lineno, max(item.context_expr.end_lineno or node.lineno for item in node.items))
        new = _copy(node)
        if not any(suppresses(item.context_expr) for item in node.items):
            new.body, flow = self.suite(node.body, block, context)
            return new, flow
        draft = self._draft("try", context, block, node.body[0].lineno)
        new.body, flow = self.suite(node.body, draft, replace(context, guarded=True, once=False), after=())
        return new, Flow(MAYBE, block, flow.exits, flow.breaks)

    _COMPOUND: ClassVar[Mapping[type[ast.stmt], Callable[..., tuple[ast.stmt, Flow]]]] = {
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.If: _if,
        ast.Match: _match,
        ast.For: _loop,
        ast.AsyncFor: _loop,
        ast.While: _loop,
        ast.Try: _try,
        ast.TryStar: _try,
        ast.With: _with,
        ast.AsyncWith: _with,
    }

    # Blocks.

    def _draft(self, kind: Kind, context: Context, parent: Draft | None, line: int) -> Draft:
        if not context.inside:
            return self.outside
        draft = Draft(kind, context.function, parent, line)
        draft.index = len(self.drafts)
        self.drafts.append(draft)
        return draft

    def _decide(self, parent: Draft, branches: Sequence[Draft], context: Context, last_line: int | None) -> None:
        """Save a probe on a complete decision: exactly one of `branches` runs each time `parent` does."""
        if not context.inside:
            return
        if context.once and not context.guarded:
            branches[-1].probed = False
            self.rests.append((branches, parent, (context.line, last_line or 0)))
        elif not (self.survey.catches or context.yields or parent.decided):
            parent.decided = True
            parent.probed = False
            self.somes.append((parent, branches))

    def _suite_of(self, *parts: Any) -> list[Any]:
        suite = list(parts)
        self.suites.append(suite)
        return suite

    def _has_yield(self, node: ast.stmt) -> bool:
        yields = self.survey.yields
        at = bisect_left(yields, node.lineno)
        return at < len(yields) and yields[at] <= (node.end_lineno or node.lineno)

    def finish(self, module: ast.Module) -> Instrumented:
        """Put the probes where drafts stand, and write down how the other blocks are known."""
        probes: dict[Draft, int] = {}
        for draft in self.drafts:
            if draft.probed:
                probes[draft] = len(probes)
        for suite in self.suites:
            if any(part.__class__ is Draft for part in suite):
                suite[:] = [
                    _set_bit(probes[part], part.line) if part.__class__ is Draft else part
                    for part in suite
                    if part.__class__ is not Draft or part in probes
                ]
        # Branches come after their parent: asked from the last to the first, "some" rules need one round; "rest" rules
        # need what is before them, so they go forward, after those.
        inferred: list[Some | Rest] = [
            Some(parent.index, tuple(branch.index for branch in branches))
            for parent, branches in sorted(self.somes, key=lambda some: -some[0].index)
        ]
        inferred += [
            Rest(branches[-1].index, parent.index, tuple(branch.index for branch in branches[:-1]), decision)
            for branches, parent, decision in sorted(self.rests, key=lambda rest: rest[0][-1].index)
        ]
        return Instrumented(
            tree=module,
            blocks=tuple(draft.frozen() for draft in self.drafts),
            probes=tuple(draft.index for draft in probes),
            has_loops=self.has_loops,
            inferred=tuple(inferred),
        )


def _at(line: int) -> dict[str, Any]:
    return {"lineno": line, "col_offset": 0, "end_lineno": line, "end_col_offset": 0}


def _call(name: str, line: int) -> ast.Call:
    at = _at(line)
    return ast.Call(ast.Name(name, ast.Load(), **at), [], [], **at)


def _set_bit(number: int, line: int) -> ast.AugAssign:
    at = _at(line)
    return ast.AugAssign(ast.Name(PATH, ast.Store(), **at), ast.BitOr(), ast.Constant(1 << number, **at), **at)


def _copy(node: _Node) -> _Node:
    new = node.__class__.__new__(node.__class__)
    new.__dict__.update(node.__dict__)
    return new
