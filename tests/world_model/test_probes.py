"""Probes: the instrumented program behaves like the original, and its bytes tell exactly which lines ran."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.world_model.probes import PATH, Counters, Instrumented, LoopLimit, hits_of, instrument

FILENAME = "<model>"


class Loaded:
    """An instrumented program, ready to be asked what it did."""

    def __init__(self, source: str, loop_iterations: int = 10_000) -> None:
        self.source = textwrap.dedent(source)
        self.instrumented: Instrumented = instrument(ast.parse(self.source))
        self.counters = Counters(loop_iterations)
        self.names: dict[str, Any] = dict(self.counters.names)
        exec(compile(self.instrumented.tree, FILENAME, "exec"), self.names)

    @property
    def hits(self) -> bytes:
        return hits_of(self.names[PATH], len(self.instrumented.probes))

    def clear(self) -> None:
        self.names[PATH] = 0
        self.counters.refill()

    def run(self, call: str) -> Any:
        self.clear()
        return eval(call, self.names)

    def lines(self, call: str) -> set[int]:
        self.run(call)
        return set(self.instrumented.lines_of(self.hits))

    def kinds(self, call: str) -> set[tuple[str, int]]:
        self.run(call)
        blocks = self.instrumented.blocks
        return {(blocks[i].kind, blocks[i].line) for i in self.instrumented.executed(self.hits)}


def probe_count(source: str) -> int:
    return len(instrument(ast.parse(textwrap.dedent(source))).probes)


# -- what is a block, and where a probe is -----------------------------------------------------------------------------

CARTPOLE_END = """
class Environment:
    def step(self, action):
        if action == 1:
            force = 10.0
        else:
            force = -10.0
        x = self.x + force
        done = False
        if x > 2.4:
            done = True
        return x, 1.0, done
"""


def test_statements_around_an_if_that_cannot_leave_are_one_block() -> None:
    blocks = instrument(ast.parse(CARTPOLE_END)).blocks
    assert blocks[0].lines == (4, 8, 9, 10, 12)
    assert [block.kind for block in blocks] == ["body", "then", "else", "then", "skip"]
    assert {block.function for block in blocks} == {"Environment.step"}


def test_in_step_the_last_branch_of_a_decision_has_no_probe() -> None:
    assert [instrument(ast.parse(CARTPOLE_END)).blocks[k].kind for k in (0, 1, 3)] == ["body", "then", "then"]
    assert probe_count(CARTPOLE_END) == 3


def test_in_a_helper_the_branches_have_probes_and_what_leads_to_them_has_none() -> None:
    """It may run several times in one transition, so that both branches of a decision ran says nothing less."""
    found = instrument(ast.parse(CARTPOLE_END.replace("step", "helper")))
    assert [found.blocks[k].kind for k in found.probes] == ["then", "else", "then", "skip"]


def test_a_step_that_the_model_itself_calls_counts_as_a_helper() -> None:
    twice = CARTPOLE_END + "\n    def two(self, action):\n        return self.step(action), self.step(0)\n"
    assert probe_count(twice) == 5


def test_where_an_exception_may_be_caught_every_block_of_a_helper_has_a_probe() -> None:
    source = CARTPOLE_END.replace("step", "helper") + "\ntry:\n    pass\nexcept ValueError:\n    pass\n"
    found = instrument(ast.parse(source))
    assert list(found.probes) == [block.index for block in found.blocks]


def test_the_branch_that_was_not_taken_is_a_block_too() -> None:
    model = Loaded(CARTPOLE_END)
    model.run("setattr(Environment, 'x', 0.0)")
    assert ("skip", 10) in model.kinds("Environment().step(1)") or model.run("Environment().step(1)")[2]
    model.run("setattr(Environment, 'x', -100.0)")
    assert ("skip", 10) in model.kinds("Environment().step(1)")
    assert ("then", 11) not in model.kinds("Environment().step(1)")


def test_docstrings_and_future_imports_stay_where_they_mean_something() -> None:
    model = Loaded('''
        """Module."""
        from __future__ import annotations

        def f():
            """Function."""
            global seen
            seen = 1
            return seen
    ''')
    assert model.run("f.__doc__, __doc__, f()") == ("Function.", "Module.", 1)
    assert model.names["seen"] == 1


def test_a_traceback_names_the_original_line() -> None:
    model = Loaded("""
        def f(x):
            if x:
                for _ in [1]:
                    y = 1
                    return 1 / (x - x)
            return 0
    """)
    with pytest.raises(ZeroDivisionError) as caught:
        model.run("f(3)")
    assert caught.traceback[-1].lineno + 1 == 6


def test_a_line_finds_its_blocks_outermost_first() -> None:
    found = instrument(ast.parse("def f(x):\n    if x: return 1\n    return 2\n"))
    assert [found.blocks[k].kind for k in found.blocks_at(2)] == ["body", "then"]
    assert found.blocks_at(1) == ()


def test_an_exception_that_ends_a_transition_leaves_later_blocks_out() -> None:
    model = Loaded("""
        def step(a):
            b = 1 // a
            if b > 5:
                b = 5
            return helper(b)

        def helper(b):
            c = 1 // (b - 1)
            if c:
                return c
            return 0
    """)
    with pytest.raises(ZeroDivisionError):
        model.run("step(0)")
    executed = model.instrumented.executed(model.hits, raised=[3])
    assert {model.instrumented.blocks[k].kind for k in executed} == {"body"}
    with pytest.raises(ZeroDivisionError):
        model.run("step(1)")
    assert model.instrumented.lines_of(model.hits, raised=[6, 9]) == {3, 4, 6, 9, 10}


def test_a_chain_of_thousand_elifs_is_no_deep_recursion() -> None:
    source = "def step(a):\n    if a == -1:\n        r = -1\n"
    source += "".join(f"    elif a == {k}:\n        r = {k}\n" for k in range(500)) + "    return r\n"
    model = Loaded(source)
    assert model.run("step(321)") == 321
    assert 2 * 321 + 5 in model.instrumented.lines_of(model.hits)


def test_the_tree_that_was_given_is_not_changed() -> None:
    tree = ast.parse(CARTPOLE_END)
    before = ast.dump(tree, include_attributes=True)
    instrument(tree)
    assert ast.dump(tree, include_attributes=True) == before


# -- loops -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "for x in itertools.count(): pass",
        "while True:\n        try:\n            while True: pass\n        except Exception: pass",
        "for x in range(n): pass",
        "for x in iter(int, 1): pass",
        "[x for x in endless()]",
    ],
)
def test_a_loop_without_end_is_stopped(body: str) -> None:
    source = f"import itertools\ndef endless():\n    while True:\n        yield 1\ndef f(n):\n    {body}\n"
    model = Loaded(source, loop_iterations=1000)
    with pytest.raises(LoopLimit):
        model.run("f(10**12)")


def test_no_except_exception_swallows_the_limit() -> None:
    model = Loaded("def f():\n    try:\n        while True: pass\n    except Exception:\n        return 1\n", 100)
    with pytest.raises(LoopLimit):
        model.run("f()")


def test_after_the_limit_a_refill_lets_the_next_transition_run() -> None:
    model = Loaded("def f(n):\n    while n:\n        n -= 1\n    return n\n", loop_iterations=50)
    for _ in range(3):
        with pytest.raises(LoopLimit):
            model.run("f(51)")
        assert model.run("f(50)") == 0


def test_the_limit_is_for_all_loops_of_a_transition_together() -> None:
    model = Loaded("def f(n):\n    for i in n:\n        for j in n:\n            pass\n", loop_iterations=100)
    model.run("f(range(9))")
    with pytest.raises(LoopLimit):
        model.run("f(range(10))")


@pytest.mark.parametrize(
    "over", ["range(10)", "(1, 2)", "enumerate([1, 2])", "zip(n, (1, 2))", "'abc'", "reversed(range(3))"]
)
def test_a_loop_that_is_plainly_short_is_not_counted(over: str) -> None:
    assert not instrument(ast.parse(f"def f(n):\n    for x in {over}:\n        pass\n")).has_loops


@pytest.mark.parametrize("over", ["range(n)", "n", "range(10**9)", "range(1000000)", "[*n]", "enumerate(n)"])
def test_a_loop_that_may_be_long_is_counted(over: str) -> None:
    assert instrument(ast.parse(f"def f(n):\n    for x in {over}:\n        pass\n")).has_loops


@given(limit=st.integers(1, 300), turns=st.integers(0, 300))
def test_counters_allow_exactly_the_limit(limit: int, turns: int) -> None:
    counters = Counters(limit)
    for _ in range(min(turns, limit)):
        counters.tick()
    if turns > limit:
        with pytest.raises(LoopLimit):
            counters.tick()


def test_a_limit_beyond_memory_is_cheap() -> None:
    Counters(10**15).tick()


# -- the same behaviour ------------------------------------------------------------------------------------------------

HANDWRITTEN = {
    "generator": """
        def gen(n):
            for i in range(n):
                if i % 2:
                    got = yield i
                    if got:
                        yield -got
                else:
                    yield from (i, i)
            return n

        def step(n):
            g = gen(n)
            out = []
            try:
                out.append(next(g))
                out.append(g.send(3))
                while True:
                    out.append(next(g))
            except StopIteration as stop:
                out.append(stop.value)
            return out
    """,
    "closure": """
        def make():
            count = 0
            def bump(by=1):
                nonlocal count
                count += by
                if count > 2:
                    return -count
                return count
            return bump

        def step(n):
            bump = make()
            return [bump() for _ in range(n)] + [(lambda k: bump(k))(n)]
    """,
    "try, finally and return": """
        log = []
        def f(n):
            for i in range(n):
                try:
                    if i == 1:
                        continue
                    if i == 3:
                        break
                    log.append(10 // (i - 2))
                except ZeroDivisionError as error:
                    log.append(str(error))
                    return log
                else:
                    log.append("else")
                finally:
                    log.append("finally")
                    if n == 7:
                        return "overridden"
            else:
                log.append("no break")
            return log

        def step(n):
            log.clear()
            return f(n), list(log)
    """,
    "match": """
        def step(n):
            match n, [n, n + 1]:
                case 0, _:
                    return "zero"
                case (1 | 2), [a, b] if a < b:
                    out = a + b
                case int(), [3, *rest]:
                    out = rest
                case _:
                    out = None
            match n:
                case 5:
                    out = "five"
            return out
    """,
    "with": """
        import contextlib

        @contextlib.contextmanager
        def keep(log):
            log.append("in")
            try:
                yield log
            finally:
                log.append("out")

        def step(n):
            log = []
            with keep(log) as inner, contextlib.suppress(ZeroDivisionError):
                inner.append(1 // n)
                if n > 2:
                    return log
                inner.append("end")
            return log
    """,
    "classes": """
        class Base:
            scale = 2
            def step(self, n):
                if n < 0:
                    raise ValueError(n)
                return n * self.scale

        class Model(Base):
            '''Doc.'''
            if Base.scale > 1:
                scale = 3
            table = [k for k in range(3)]
            for entry in table:
                last = entry

            @property
            def value(self):
                return self.last

            def step(self, n):
                class Local:
                    k = n
                    def get(self): return self.k if self.k else super(Local, self).__hash__() * 0
                return super().step(n) + self.value + Local().get()

        def step(n):
            return Model().step(n - 1)
    """,
    "while and else": """
        def step(n):
            out = []
            while n > 0:
                n -= 1
                if n == 4:
                    break
                if n % 2:
                    continue
                out.append(n)
            else:
                out.append("else")
            while True:
                n += 1
                if n > 6:
                    return out
    """,
    "async": """
        import contextlib

        class Ticker:
            def __init__(self, n): self.n = n
            def __aiter__(self): return self
            async def __anext__(self):
                self.n -= 1
                if self.n < 0:
                    raise StopAsyncIteration
                return self.n

        async def main(n):
            total = 0
            async for k in Ticker(n):
                total += k
            else:
                total += 100
            return total

        def step(n):
            try:
                main(n).send(None)
            except StopIteration as stop:
                return stop.value
    """,
    "starred, walrus, del, global": """
        state = 0
        def step(n):
            global state
            state = n
            first, *rest = [state] * 3
            if (k := len(rest)) and n:
                del first
            assert k == 2, "two"
            try:
                return first, rest
            except UnboundLocalError:
                return "deleted"
    """,
    "exception groups": """
        def step(n):
            out = []
            try:
                if n:
                    raise ExceptionGroup("g", [ValueError(n), TypeError(n)])
            except* ValueError as group:
                out.append(len(group.exceptions))
            except* TypeError:
                out.append("type")
            return out
    """,
    "recursion": """
        def fib(n):
            if n < 2: return n
            return fib(n - 1) + fib(n - 2)

        def step(n):
            if n > 5: n = 5
            elif n == 3: pass
            return fib(n)
    """,
}


def outcome(names: dict[str, Any], argument: int) -> object:
    try:
        return names["step"](argument)
    except Exception as error:  # noqa: BLE001 - what it raises is its answer
        return type(error).__name__, str(error)


@pytest.mark.parametrize("name", HANDWRITTEN)
def test_an_instrumented_program_does_what_the_original_does(name: str) -> None:
    source = textwrap.dedent(HANDWRITTEN[name])
    plain: dict[str, Any] = {}
    exec(compile(source, FILENAME, "exec"), plain)
    model = Loaded(source)
    for argument in range(-1, 8):
        model.counters.refill()
        assert outcome(model.names, argument) == outcome(plain, argument)


@pytest.mark.parametrize(
    "name", [name for name in HANDWRITTEN if name not in {"generator", "exception groups", "with"}]
)
def test_the_lines_that_ran_are_those_a_tracer_saw(name: str) -> None:
    source = textwrap.dedent(HANDWRITTEN[name])
    plain: dict[str, Any] = {}
    exec(compile(source, FILENAME, "exec"), plain)
    model = Loaded(source)
    coverable = {line for block in model.instrumented.blocks for line in block.lines}
    for argument in range(8):
        seen = traced(lambda k=argument: outcome(plain, k)) & coverable
        model.clear()
        outcome(model.names, argument)
        assert set(model.instrumented.lines_of(model.hits)) >= seen
        blocks = model.instrumented.executed(model.hits)
        for index in blocks:
            block = model.instrumented.blocks[index]
            assert not block.lines or seen & set(block.lines), block


def traced(run: Callable[[], object]) -> set[int]:
    """The lines of the program that a call executes, according to the interpreter."""
    seen: set[int] = set()

    def tracer(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != FILENAME:
            return None
        if event == "line":
            seen.add(frame.f_lineno)
        return tracer

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        run()
    finally:
        sys.settrace(before)
    return seen


# -- generated programs ------------------------------------------------------------------------------------------------

LEAVES = st.sampled_from(
    ["x += 1", "y = x * 2", "x = x - y", "pass", "return x", "return y, x", "y = helper(x)", "x = inner(y)", "x %= 7"]
)
TESTS = st.sampled_from(["x > y", "x % 2", "x < 3 or y", "not y", "x == 1", "False", "y > 3"])
IN_LOOPS = st.sampled_from(["break", "continue", "x += 2", "return -x"])


@st.composite
def suites(draw: st.DrawFn, depth: int = 3, loop: bool = False) -> list[str]:
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kinds = ["leaf"] if depth == 0 else ["leaf", "leaf", "if", "ifelse", "elif", "while", "for", "match"]
        kind = draw(st.sampled_from(kinds))
        inside = (
            [f"    {line}" for line in draw(suites(depth - 1, loop or kind in {"while", "for"}))]
            if kind != "leaf"
            else []
        )
        if kind == "leaf":
            lines.append(draw(IN_LOOPS if loop and draw(st.booleans()) else LEAVES))
        elif kind in {"if", "ifelse", "elif"}:
            lines += [f"if {draw(TESTS)}:", *inside]
            if kind == "elif":
                lines += [f"elif {draw(TESTS)}:", *(f"    {line}" for line in draw(suites(depth - 1, loop)))]
            if kind != "if":
                lines += ["else:", *(f"    {line}" for line in draw(suites(depth - 1, loop)))]
        elif kind == "match":
            lines += ["match x:", "    case 1 | 2:", *(f"    {line}" for line in inside)]
            if draw(st.booleans()):
                lines += ["    case _:", *(f"        {line}" for line in draw(suites(depth - 1, loop)))]
        else:
            lines += [f"while {draw(TESTS)}:" if kind == "while" else "for y in range(x % 4):"]
            lines += ["    tick()", *inside]
            if draw(st.booleans()):
                lines += ["else:", *(f"    {line}" for line in draw(suites(depth - 1, loop)))]
    return lines


@st.composite
def programs(draw: st.DrawFn) -> str:
    def function(name: str, parameters: str) -> Iterator[str]:
        yield f"def {name}({parameters}):"
        yield from (f"    {line}" for line in draw(suites()))
        yield "    return x + y"

    lines = ["fuel = [0]", "def tick():", "    fuel[0] -= 1", "    if fuel[0] < 0:", "        raise TimeoutError"]
    lines += ["def inner(x):", "    if x > 3:", "        return 1", "    return 2"]
    lines += [*function("helper", "x, y=1").__iter__()]
    lines = [line.replace("y = helper(x)", "y = inner(x)") for line in lines]
    lines += [*function("step", "x, y=2")]
    return "\n".join(lines) + "\n"


@given(source=programs(), arguments=st.lists(st.integers(-2, 6), min_size=1, max_size=4))
def test_generated_programs_run_the_same_and_their_lines_are_known_exactly(source: str, arguments: list[int]) -> None:
    """Two programs in one: the recorded lines are compared with those of `sys.settrace` for every call."""
    plain: dict[str, Any] = {}
    exec(compile(source, FILENAME, "exec"), plain)
    model = Loaded(source)
    coverable = {line for block in model.instrumented.blocks for line in block.lines}
    for argument in arguments:
        plain["fuel"][0] = model.names["fuel"][0] = 200
        expected: list[object] = []
        seen = traced(lambda k=argument, out=expected: out.append(outcome(plain, k))) & coverable
        model.clear()
        assert outcome(model.names, argument) == expected[0]
        if isinstance(expected[0], tuple) and isinstance(expected[0][0], str):
            continue  # an exception ended it half-way through a block
        recorded = set(model.instrumented.lines_of(model.hits))
        assert seen <= recorded
        assert all(
            "else:" in line or "pass" in line or line.strip() in {"break", "continue"} or "case" in line
            for line in (source.split("\n")[number - 1] for number in recorded - seen)
        )
