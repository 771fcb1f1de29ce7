"""Tests of what every model owes: its interface, that it is a function, and that it goes on from its own states."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from cwm_engine.properties.elements import paths
from cwm_engine.properties.generation.model_text import given_action, given_state, is_plain, reward_function
from cwm_engine.properties.generation.regions import Region
from cwm_engine.properties.generation.subject import Subject, returned_values, takes_goal, uses_sets
from cwm_engine.properties.generation.writing import docstring, short
from cwm_engine.trajectories.columns import Kind
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.spaces import SpaceJson

_NUMBERS = (Kind.FLOAT, Kind.INT, Kind.BOOL)


def interface_tests(subject: Subject, dataset: Dataset, rewards: tuple[float, float] | None) -> Iterator[Region]:
    """Tests of what a step returns.

    Args:
        subject: The model.
        dataset: What was observed.
        rewards: The range in which rewards were observed.
    """
    yield _arity(subject, dataset)
    form = list(_form(dataset))
    if form:
        yield _test("interface", "test_a_next_state_has_the_form_of_recorded_ones", (
            "a next state has the form of recorded ones and holds finite numbers",
            f"So do all {len(dataset):,} of the recording.",
        ), ["next_state, _, _ = predict(state, action)", *form])  # fmt: skip
    bounds = list(_bounds(dataset.spaces.observation or {}, "next_state"))
    if bounds:
        yield _test("interface", "test_a_next_state_is_inside_the_observation_space", (
            "a next state is inside the observation space", "The space is that of the recording."
        ), ["next_state, _, _ = predict(state, action)", *bounds])  # fmt: skip
    if "reward" not in subject.ignored:
        finite = ["_, reward, _ = predict(state, action)", "assert np.ndim(reward) == 0 and np.isfinite(reward)"]
        yield _test(
            "interface", "test_the_reward_is_a_finite_number", ("the reward is a finite number",), finite, ("reward",)
        )
        if rewards is not None:
            least, most = rewards
            room = (most - least) or abs(most) or 1.0
            low, high = short(least - room, 6), short(most + room, 6)
            words = (
                f"Rewards were from {short(least, 6)} to {short(most, 6)}; there is as much room again on both sides"
            )
            body = ["_, reward, _ = predict(state, action)", f"assert {low} <= reward <= {high}"]
            yield _test(
                "interface", "test_the_reward_is_in_range", ("the reward is in range", words), body, ("reward",)
            )
    if "terminated" not in subject.ignored:
        name, words = "test_whether_the_episode_ends_is_true_or_false", "whether the episode ends is true or false"
        body = ["_, _, terminated = predict(state, action)", "assert terminated in {True, False}"]
        yield _test("interface", name, (words,), body, ("terminated",))


def purity_tests(subject: Subject, dataset: Dataset) -> Iterator[Region]:
    """Tests that a prediction follows from state and action and from nothing else."""
    if not subject.stochastic:
        yield _test("purity", "test_the_same_step_gives_the_same_result_again", (
            "the same state and action give the same result again",
        ), ["assert predict(state, action) == predict(state, action)"])  # fmt: skip
    if not (is_plain(dataset.observations.structure) and is_plain(dataset.actions.structure)):
        yield _mutation(subject, dataset)
    if subject.stochastic:
        return
    earlier = _EARLIER_OF_FUNCTIONS if subject.is_functions else _EARLIER
    yield Region("purity", "test_earlier_steps_do_not_matter", _filled(earlier, dataset))
    yield Region("purity", "test_neither_chance_nor_the_clock_matters", _CHANCE)
    if uses_sets(subject):
        yield Region("purity", "test_the_order_of_sets_does_not_matter", _filled(_SETS, dataset))


def metamorphic_tests(subject: Subject, dataset: Dataset) -> Iterator[Region]:
    """Tests that a model goes on from its own states as from recorded ones."""
    if subject.stochastic or subject.carries:
        return
    if not subject.is_functions:
        name = "test_setting_the_state_it_is_in_changes_nothing"
        yield Region("metamorphic", name, _filled(_ROUND_TRIP, dataset))
    in_a_row = _IN_A_ROW_OF_FUNCTIONS if subject.is_functions else _IN_A_ROW
    yield Region("metamorphic", "test_steps_in_a_row_are_single_steps", _filled(in_a_row, dataset))


def _filled(template: str, dataset: Dataset) -> str:
    """A test with states and actions as this environment gives them."""
    actions = dataset.actions.plain(0, len(dataset))
    some = list({repr(action): None for action in actions})[:6]
    text = template.replace("ACTIONS", f"[{', '.join(some)}]")
    text = re.sub(r"STATE\((\w+)\)", lambda found: given_state(dataset, found[1]), text)
    text = re.sub(r"ACTION\((\w+)\)", lambda found: given_action(dataset, found[1]), text)
    wrap = "{}" if is_plain(dataset.observations.structure) else "plain({})"
    return re.sub(r"PLAIN\((\w+)\)", lambda found: wrap.format(found[1]), text)


def _test(kind: str, name: str, words: tuple[str, ...], body: list[str], fields: tuple[str, ...] = ()) -> Region:
    lines = ["@often", "@given(state=states, action=actions)", f"def {name}(state, action):", docstring(*words)]
    return Region(kind, name, "\n".join([*lines, *(f"    {line}" for line in body)]), fields)


def _arity(subject: Subject, dataset: Dataset) -> Region:
    if subject.is_functions:
        return _test("interface", "test_reward_returns_a_reward_and_whether_the_episode_ends", (
            "the function `reward` returns two values",
        ), ["_, reward, done = predict(state, action)", "assert np.ndim(reward) == np.ndim(done) == 0"])  # fmt: skip
    count = returned_values(subject)
    values = {
        3: "observation, reward, and whether the episode ends",
        4: "observation, valid actions, reward, and whether the episode ends",
        5: "observation, reward, terminated, truncated, and info",
    }[count]
    return _test("interface", f"test_a_step_returns_{count}_values", (f"a step returns {count} values: {values}",), [
        f"result = model_in(state).step({given_action(dataset, 'action')})",
        f"assert isinstance(result, tuple | list) and len(result) == {count}",
    ])  # fmt: skip


def _form(dataset: Dataset) -> Iterator[str]:
    """Assertions on the shape and kind of every part of the next state."""
    structure = dataset.next_observations.structure
    for path, leaf in paths(structure):
        if leaf.kind in _NUMBERS:
            yield f"assert np.shape(next_state{path}) == {leaf.shape}"
            yield f"assert np.isfinite(next_state{path})" + (".all()" if leaf.shape else "")
            if leaf.kind is not Kind.FLOAT:
                whole = f"np.mod(next_state{path}, 1) == 0"
                yield f"assert ({whole}).all()" if leaf.shape else f"assert {whole}"
        elif leaf.kind is Kind.TEXT and not leaf.shape:
            yield f"assert isinstance(next_state{path}, str)"


def _bounds(space: SpaceJson, name: str) -> Iterator[str]:
    start = space.get("start", 0)
    match space:
        case {"type": "Discrete", "n": n}:
            yield f"assert {start} <= {name} < {start + n}"
        case {"type": "Box"}:
            yield from _box(space, name)
        case {"type": "MultiDiscrete", "nvec": nvec}:
            high = (np.asarray(nvec) + start).tolist()
            yield f"assert (np.array({name}) >= {start}).all() and (np.array({name}) < {high}).all()"
        case {"type": "Tuple", "spaces": spaces}:
            for index, item in enumerate(spaces):
                yield from _bounds(item, f"{name}[{index}]")
        case {"type": "Dict", "spaces": spaces}:
            for key, item in spaces.items():
                yield from _bounds(item, f"{name}[{key!r}]")


def _box(space: SpaceJson, name: str) -> Iterator[str]:
    shape = tuple(space["shape"])
    for side, sign in (("low", ">="), ("high", "<=")):
        bound = np.broadcast_to(np.asarray(space[side], dtype=np.float64), shape)
        finite = bound[np.isfinite(bound)]
        if not finite.size:
            continue
        shift = f"{'-' if side == 'low' else '+'} 1e-5"
        if finite.size == bound.size and (bound == bound.flat[0]).all():
            limit = short(float(bound.flat[0]), 7)
        elif len(shape) == 1:
            limit = f"np.array([{', '.join(_limit(float(value)) for value in bound)}])"
        else:
            continue
        compared = f"np.array({name}) {sign} {limit} {shift}"
        yield f"assert ({compared}).all()" if shape else f"assert {name} {sign} {limit} {shift}"


def _limit(value: float) -> str:
    return short(value, 7) if np.isfinite(value) else f"{'-' if value < 0 else ''}np.inf"


def _mutation(subject: Subject, dataset: Dataset) -> Region:
    body = [f"given = {given_state(dataset, 'state')}, {given_action(dataset, 'action')}"]
    if subject.is_functions:
        body += [
            "next_state = MODEL.transition(*given)",
            f"{reward_function(subject)}(*given, next_state{takes_goal(subject)})",
        ]
    else:
        body += [f"model = MODEL.{subject.spec.name}()", "model.set_state(given[0])", "model.step(given[1])"]
    expected = f"{given_state(dataset, 'state')}, {given_action(dataset, 'action')}"
    body.append(f"assert plain(given) == plain(({expected}))")
    return _test("purity", "test_state_and_action_are_not_changed", ("a model does not change what it is given",), body)


_EARLIER = '''\
@often
@given(steps=st.lists(st.tuples(states, actions), min_size=2, max_size=4))
def test_earlier_steps_do_not_matter(steps):
    """A model that has made other steps before says the same as a new one."""
    model = model_in(steps[0][0])
    for state, action in steps:
        model.set_state(STATE(state))
        assert step(model, action) == predict(state, action)'''

_EARLIER_OF_FUNCTIONS = '''\
@often
@given(steps=st.lists(st.tuples(states, actions), min_size=2, max_size=4))
def test_earlier_steps_do_not_matter(steps):
    """The functions say the same whatever they were asked before, in whatever order."""
    results = [predict(state, action) for state, action in steps]
    assert [predict(state, action) for state, action in reversed(steps)] == results[::-1]'''

_CHANCE = '''\
@often
@given(state=states, action=actions)
def test_neither_chance_nor_the_clock_matters(state, action):
    """The result is the same with other random numbers and at another time."""
    results = []
    for number in (1, 2):
        random.seed(number)
        np.random.seed(number)
        with mock.patch.object(time, "time", return_value=1e9 * number):
            results.append(predict(state, action))
    assert results[0] == results[1]'''

_SETS = '''\
def test_the_order_of_sets_does_not_matter():
    """The results are the same in new processes, each of which goes through sets in an order of its own."""
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['some_results']())"
    results = [
        subprocess.run(
            [sys.executable, "-c", code, __file__],
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in (1, 2, 3)
    ]
    assert results[0] == results[1] == results[2]


def some_results():
    """What the model says of recorded states, with every action."""
    return [predict(state, action) for state in STATES[:40] for action in ACTIONS]'''

_ROUND_TRIP = '''\
@often
@given(state=states, first=actions, second=actions)
def test_setting_the_state_it_is_in_changes_nothing(state, first, second):
    """A model goes on from the state it is in as it does when that very state is set."""
    left, right = model_in(state), model_in(state)
    after, _, terminated = step(left, first)
    step(right, first)
    if not terminated:
        right.set_state(STATE(after))
        assert same(step(right, second), step(left, second))'''

_IN_A_ROW = '''\
@often
@given(state=states, several=st.lists(actions, min_size=2, max_size=6))
def test_steps_in_a_row_are_single_steps(state, several):
    """Each of several steps in a row is what a single step from the same state is."""
    model = model_in(state)
    for action in several:
        single = predict(state, action)
        state, reward, terminated = step(model, action)
        assert same((state, reward, terminated), single)
        if terminated:
            break'''

_IN_A_ROW_OF_FUNCTIONS = '''\
@often
@given(state=states, first=actions, second=actions)
def test_steps_in_a_row_are_single_steps(state, first, second):
    """The functions go on from a state of their own as from one that is given."""
    after, _, terminated = predict(state, first)
    if not terminated:
        own = MODEL.transition(STATE(state), ACTION(first))
        own = MODEL.transition(own, ACTION(second))
        assert same(PLAIN(own), predict(after, second)[0])'''
