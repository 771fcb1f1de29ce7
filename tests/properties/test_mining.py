"""What is mined from real environments: rules they have, and none that fresh transitions contradict."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_engine.properties.invariants import Kind, try_on
from cwm_engine.properties.mining import confirmed, mine
from cwm_engine.trajectories.load import load_dataset
from cwm_engine.trajectories.record import record
from tests.recordings import made

WORLDS = {
    "CartPole-v1": {},
    "MountainCar-v0": {},
    "Acrobot-v1": {},
    "Taxi-v4": {},
    "CliffWalking-v1": {},
    "FrozenLake-v1": {"is_slippery": False},
    "Pendulum-v1": {},
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Records transitions of an environment, the same ones only once."""
    folder = tmp_path_factory.mktemp("recordings")

    @cache
    def play(world, episodes=40, seed=0, starts="spread"):
        path = folder / f"{world}-{episodes}-{seed}-{starts}.sqlite"
        record(
            world, episodes=episodes, path=path, policy="mixture", starts=starts, seed=seed, max_steps=25,
            env_kwargs=WORLDS[world],
        )  # fmt: skip
        return load_dataset([str(path)])

    return play


def statements(dataset, **options):
    return {invariant.statement for invariant in mine(dataset, **options)}


def of(dataset, kind, **options):
    return [invariant for invariant in mine(dataset, **options) if invariant.kind is kind]


@pytest.mark.parametrize("world", WORLDS)
def test_fresh_transitions_contradict_nothing_that_was_mined(played, world):
    found = mine(played(world))
    assert len(found) >= 2
    for starts in ("spread", "reset"):
        counts = try_on(found, played(world, 150, 7, starts))
        assert [one.statement for one, count in zip(found, counts, strict=True) if count.violations] == []


def test_the_laws_of_motion_of_a_cart_are_found(played):
    found = statements(played("CartPole-v1"))
    assert {"`obs[0]` grows by 0.02 times `obs[1]`", "`obs[2]` grows by 0.02 times `obs[3]`"} <= found


def test_a_car_moves_by_its_new_velocity_but_where_it_stops(played):
    (relation,) = of(played("MountainCar-v0"), Kind.RELATION, absences=True)
    assert relation.statement == "`obs[0]` grows by 1 times the new `obs[1]`"
    assert relation.condition == "next_state[0] > -1.2"


def test_without_the_environment_nothing_is_said_beyond_what_was_recorded(played):
    """There may be another limit that nobody has seen."""
    (relation,) = of(played("MountainCar-v0"), Kind.RELATION)
    assert relation.condition.startswith("-1.2 < next_state[0] <= 0.5")


def test_a_limit_that_was_reached_is_found(played):
    assert "`obs[1]` stops at 0.07 and is never more" in statements(played("MountainCar-v0"))


def test_sine_and_cosine_stay_on_their_circle(played):
    found = statements(played("Acrobot-v1"))
    assert {f"the squares of `obs[{i}]` and `obs[{i + 1}]` add up to 1" for i in (0, 2)} <= found


def test_a_grid_has_its_steps_its_final_states_and_actions_that_undo_each_other(played):
    found = statements(played("FrozenLake-v1", 120))
    assert "episodes end exactly when `obs` becomes 5, 7, 11, 12 or 15" in found
    assert {"action 1 changes `obs` by 0 or 4", "action 2 changes `obs` by 0 or 1"} <= found
    assert "action 1 undoes action 3 where that changed something" in found


def test_endings_have_a_gap_between_what_went_on_and_what_ended(played):
    inside, beyond = of(played("CartPole-v1"), Kind.TERMINATION)
    assert (inside.expression, beyond.expression) == ("not terminated", "terminated")
    for state, ends in (([0, 0, 0.1, 0], False), ([0, 0, 0.25, 0], True), ([0, 0, -0.25, 0], True)):
        assert eval(inside.condition, {"next_state": state}) is not ends
        assert eval(beyond.condition, {"next_state": state}) is ends
    # Fewer than five ended so far to the left: they may as well have fallen.
    assert not eval(inside.condition, {"next_state": [-2.5, 0, 0, 0]})
    assert not eval(beyond.condition, {"next_state": [-2.5, 0, 0, 0]})


def test_that_something_never_happens_is_only_said_on_request(played):
    for world, statement in (("Pendulum-v1", "no episode ends by itself"), ("CartPole-v1", "the reward is always 1")):
        assert statement not in statements(played(world))
        assert statement in statements(played(world), absences=True)


def test_final_states_are_told_of_states_that_were_seen_alone(played):
    (ending,) = of(played("CliffWalking-v1", 200), Kind.TERMINATION)
    assert ending.statement == "episodes end exactly when `obs` becomes 47"
    assert eval(ending.condition, {"next_state": 35})
    assert not eval(ending.condition, {"next_state": 38})


def test_the_real_environment_drops_what_it_contradicts(played):
    """Sixty steps of a taxi without a passenger delivered do not mean that no ride ends."""
    found = mine(played("Taxi-v4", 10), absences=True)
    kept, dropped = confirmed(found, played("Taxi-v4", 500, 3))
    assert "no episode ends by itself" in {one.statement for one in dropped}
    assert len(kept) + len(dropped) == len(found)
    assert all(not count.violations for count in try_on(kept, played("Taxi-v4", 500, 3)))


def test_a_reward_that_is_a_sum_of_squares_is_a_formula(played):
    (reward,) = of(played("Pendulum-v1"), Kind.REWARD)
    angle = "math.atan2(state[1], state[0]) ** 2"
    assert reward.expression == f"close(reward, -1 * {angle} - 0.1 * state[2] ** 2 - 0.001 * action[0] ** 2)"
    assert reward.statement.startswith("the reward is a formula: -1 times the square of the angle of `obs[0]` and")


def test_a_number_that_changes_by_a_sum_of_others_is_a_formula_but_at_its_limits(played):
    (speed,) = of(played("Pendulum-v1"), Kind.RELATION, absences=True)
    assert speed.expression == "close(next_state[2], state[2] + 0.75 * state[1] + 0.15 * action[0])"
    assert speed.condition == "-8 < next_state[2] < 8"


def test_what_is_nearly_a_sum_is_no_formula():
    lot = np.random.default_rng(0)
    states = lot.uniform(-1, 1, (300, 2))
    rows = [((a, b), 0, (a + 2 * b + 0.001 * a * b, b), a + b + 1e-3 * a**3, False) for a, b in states.tolist()]
    found = mine(made(rows, lengths=[1] * 300), absences=True)
    assert not any("formula" in one.statement for one in found)


def board(place, box=(2, 2)):
    """A walled yard of 4 x 5 with a box (3), in which somebody (2) walks."""
    cells = np.zeros((4, 5), dtype=np.int64)
    cells[0] = cells[-1] = cells[:, 0] = cells[:, -1] = 1
    cells[place], cells[box] = 2, 3
    return cells


def test_cells_of_a_board_are_codes_and_spoken_of_all_at_once():
    places = [(1, 1), (1, 2), (1, 3), (2, 3)]
    rows = [(board(one), 0, board(other), 0.0, False) for one in places for other in places] * 4
    dataset = made(rows, lengths=[1] * len(rows))
    assert statements(dataset, absences=True) >= {
        "16 cells of `obs` never change",
        "every cell of `obs` is 0, 1, 2 or 3",
        "no more than 2 cells of `obs` change in a step",
        "there are as many 2 in `obs` as before",
    }
    assert not any("obs[" in one for one in statements(dataset, absences=True))


def test_pieces_that_become_each_other_are_counted_together():
    rows = []
    for step in range(40):
        before, after = board((1, 1)), board((1, 1))
        before[2, 2], after[2, 2] = (3, 4) if step % 2 else (4, 3)
        rows.append((before, 0, after, 0.0, False))
    assert "there are as many 3 and 4 in `obs` as before" in statements(made(rows, lengths=[1] * 40))


def test_an_action_that_changes_nothing_is_said_once():
    rows = [
        ((x, y), a, (x, y) if a == 4 else (x + 1, y), 0.0, False) for x in range(8) for y in range(5) for a in (3, 4)
    ]
    found = mine(made(rows, lengths=[1] * len(rows)), absences=True)
    assert [one.statement for one in found if one.condition == "action == 4"] == ["action 4 changes nothing"]
    assert "`obs[1]` never changes" in {one.statement for one in found}


def test_a_reward_is_explained_by_the_simplest_thing():
    rows = [(x, a, x + 1, float(a == 2), x == 9) for x in range(10) for a in range(3) for _ in range(3)]
    (reward,) = of(made(rows, lengths=[1] * len(rows)), Kind.REWARD, absences=True)
    assert reward.statement == "the reward follows from the action"
    assert reward.expression == "close(reward, {0: 0, 1: 0, 2: 1}[action])"


def test_an_amount_that_was_seldom_seen_is_a_sign_of_others():
    rows = [(x, 0, x + (3 if x < 2 else 1), 0.0, False) for x in range(60)]
    assert of(made(rows), Kind.STEP) == []


def test_of_nothing_nothing_is_mined():
    dataset = made([(0, 0, 1, 0.0, False)] * 3)
    assert mine(dataset) == []
    assert mine(dataset.rows(np.zeros(3, dtype=bool))) == []


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 120), st.integers(1, 4))
def test_whatever_is_mined_holds_where_it_was_mined(seed, width, count, values):
    lot = np.random.default_rng(seed)
    states = lot.integers(0, values, (count + 1, width))
    rows = [
        (
            tuple(states[i].tolist()),
            int(lot.integers(0, 3)),
            tuple(states[i + 1].tolist()),
            float(lot.integers(0, 2)),
            False,
        )
        for i in range(count)
    ]
    dataset = made(rows)
    found = mine(dataset, absences=True)
    assert all(not one.violations for one in try_on(found, dataset))
    assert all(one.support >= 5 for one in found)
