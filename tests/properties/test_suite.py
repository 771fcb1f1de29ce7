"""Everything that is known of an environment: mined, tried on the real one, and what it breaks dropped."""

import pytest

from cwm_engine.properties.invariants import Kind, try_on
from cwm_engine.properties.mining.symmetries import symmetries
from cwm_engine.properties.real import fresh_transitions, puppet
from cwm_engine.properties.suite import collect
from tests.recordings import made, recorded


def statements(suite, kind=None):
    return {one.statement for one in suite.invariants if kind in {None, one.kind}}


@pytest.fixture(scope="module")
def taxi():
    return collect(recorded("Taxi-v4", 400), "Taxi-v4")


@pytest.fixture(scope="module")
def cartpole():
    return collect(recorded("CartPole-v1", 400), "CartPole-v1")


def test_what_the_real_environment_breaks_is_dropped_and_told():
    """Somebody has recorded a lake without holes near the start, where no step ever fails."""
    rows = [(x, 2, x + 1, 0.0, False) for x in (0, 1, 2)] * 20
    suite = collect(made(rows, lengths=[1] * 60), "FrozenLake-v1", {"is_slippery": False})
    assert {one.statement for one in suite.dropped} >= {
        "action 2 changes `obs` by 1",
        "`obs` never falls",
        "the reward is always 0",
        "no episode ends by itself",
    }
    assert not {one.statement for one in suite.dropped} & statements(suite)


def test_without_the_environment_nothing_is_dropped():
    rows = [(x, 2, x + 1, 0.0, False) for x in (0, 1, 2)] * 20
    suite = collect(made(rows, lengths=[1] * 60))
    assert suite.dropped == ()
    assert "action 2 changes `obs` by 1" in statements(suite)


def test_the_environment_says_more_than_the_recording(taxi):
    alone = collect(recorded("Taxi-v4", 400))
    assert "episodes end exactly when `obs` becomes 0, 85, 410 or 475" in statements(taxi) - statements(alone)
    assert "actions 0, 1, 2 and 3 always pay -1" in statements(taxi) - statements(alone)
    assert "no states come up but the 400 that were seen: while an episode goes on" in statements(taxi)
    assert alone.fresh is None


def test_numbered_states_are_taken_apart(taxi):
    kept = statements(taxi, Kind.COPIED)
    assert {"`obs % 4` never changes", "action 2 does not change `obs // 100`"} <= kept
    assert "action 4 does not change `obs // 20`" in kept


def test_support_is_told_for_the_recording_and_for_the_environment(taxi):
    (ends,) = [one for one in taxi.invariants if one.statement == "episodes end exactly when the reward is 20"]
    assert (ends.support, ends.real_support) == (400, len(taxi.fresh))
    fresh = f"{len(taxi.fresh):,} fresh ones of the environment itself"
    assert taxi.origin == f"Mined from 400 recorded transitions of Taxi-v4 and {fresh}."


def test_the_mirror_image_of_a_cart_is_found(cartpole):
    (mirror,) = [one for one in cartpole.invariants if one.kind is Kind.SYMMETRY]
    assert mirror.other.state == "(-state[0], -state[1], -state[2], -state[3])"
    assert mirror.other.action == "1 - action"


def test_what_a_number_has_no_influence_on_is_found(cartpole):
    found = statements(cartpole, Kind.INDEPENDENCE)
    assert "the new `obs[1]` and `obs[3]` do not depend on `obs[0]`" in found
    assert "`obs[1]` changes by the same amount whatever it is" in found
    assert not any("depend on `obs[2]`" in one for one in found)


def test_sines_are_not_changed_alone():
    suite = collect(recorded("Pendulum-v1", 300), "Pendulum-v1")
    assert not any("`obs[0]`" in one for one in statements(suite, Kind.INDEPENDENCE))
    (mirror,) = [one for one in suite.invariants if one.kind is Kind.SYMMETRY]
    assert (mirror.other.state, mirror.other.action) == ("(state[0], -state[1], -state[2])", "(-action[0],)")


@pytest.mark.parametrize("world", ["CartPole-v1", "Taxi-v4"])
def test_fresh_transitions_break_nothing(world, taxi, cartpole):
    suite = {"Taxi-v4": taxi, "CartPole-v1": cartpole}[world]
    unseen = fresh_transitions(world, count=2000, seed=5)
    ask = puppet(world, {}, unseen)
    counts = try_on(suite.invariants, ask.again(unseen), ask)
    assert [one.statement for one, count in zip(suite.invariants, counts, strict=True) if count.violations] == []


MOVES = {0: (-1, 0), 1: (0, 1), 2: (1, 0), 3: (0, -1)}


def grid(holes=(), size=4):
    rows = []
    for x in range(size):
        for y in range(size):
            for action, (down, right) in MOVES.items():
                after = (min(max(x + down, 0), size - 1), min(max(y + right, 0), size - 1))
                after = (x, y) if after in holes else after
                rows.append(((x, y), action, after, 0.0, False))
    return made(rows, lengths=[1] * len(rows))


def test_an_empty_grid_can_be_mirrored_and_turned():
    found = {one.statement: one for one in symmetries(grid(), None)}
    assert set(found) == {
        "the mirror image behaves the same: in `obs[0]`",
        "the mirror image behaves the same: in `obs[1]`",
        "the grid behaves the same with `obs[0]` and `obs[1]` exchanged",
        "the grid turned by a quarter behaves the same: in `obs[0]` and `obs[1]`",
    }
    mirror = found["the mirror image behaves the same: in `obs[0]`"]
    assert (mirror.other.state, mirror.other.action) == ("(3 - state[0], state[1])", "(2, 1, 0, 3)[action]")
    assert mirror.support == 64


def test_a_wall_breaks_the_symmetries_it_is_in_the_way_of():
    found = {one.statement for one in symmetries(grid(holes=[(1, 1)]), None)}
    assert found == {"the grid behaves the same with `obs[0]` and `obs[1]` exchanged"}
