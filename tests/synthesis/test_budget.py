"""The budget: never exceeded, whoever asks in whatever order."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.synthesis.budget import Budget, Limits, Spent
from cwm_engine.synthesis.interfaces import Estimate, Usage


def estimate(tokens=10, cost=0.5, calls=1):
    return Estimate(Usage(tokens, 0), cost, calls)


def test_without_limits_everything_can_be_paid_for():
    assert Budget().reserve(estimate()) is not None


def test_a_call_is_refused_when_its_worst_case_does_not_fit():
    budget = Budget(Limits(tokens=15))
    budget.settle(budget.reserve(estimate(10)), Spent(1, 6, 0.0))
    assert budget.reserve(estimate(10)) is None
    assert budget.refusal(estimate(10)) == "the limit of 15 tokens would be exceeded"
    assert budget.reserve(estimate(9)) is not None


def test_what_is_set_aside_counts_as_spent_until_it_is_settled():
    budget = Budget(Limits(calls=1))
    reservation = budget.reserve(estimate())
    assert budget.reserve(estimate()) is None
    budget.settle(reservation, Spent())
    assert budget.reserve(estimate()) is not None


def test_a_call_is_settled_once():
    budget = Budget()
    reservation = budget.reserve(estimate())
    budget.settle(reservation, Spent(1))
    with pytest.raises(ValueError, match="settled before"):
        budget.settle(reservation, Spent(1))


def test_what_costs_nothing_goes_on_where_the_limit_is_reached():
    budget = Budget(Limits(calls=0, cost=0.0, tokens=0))
    assert budget.reserve(Estimate(calls=0)) is not None
    assert budget.reserve(estimate()) is None


def test_a_limit_of_cost_needs_a_price():
    budget = Budget(Limits(cost=1.0))
    assert budget.reserve(Estimate(Usage(10, 0), None)) is None
    assert "no price is known" in budget.refusal(Estimate(Usage(10, 0), None))


def test_what_a_process_before_spent_counts():
    budget = Budget(Limits(calls=2))
    budget.book(Spent(2, 5, 0.1))
    assert budget.reserve(estimate()) is None
    assert budget.to_json() == {"calls": 2, "tokens": 5, "cost": 0.1}


@pytest.mark.parametrize("limit", [{"calls": -1}, {"cost": float("nan")}, {"seconds": -0.5}])
def test_a_limit_that_makes_no_sense_is_refused(limit):
    with pytest.raises(CwmError, match="the limit of"):
        Limits(**limit)


CALLS = st.lists(st.tuples(st.integers(0, 30), st.floats(0, 2), st.floats(0, 1), st.booleans()), max_size=60)


@given(st.integers(0, 20), st.integers(0, 200), st.floats(0, 20), CALLS)
def test_no_order_of_calls_exceeds_a_limit(calls, tokens, cost, sequence):
    """A call takes any part of what it reserved; some are settled at once, some only at the end."""
    budget = Budget(Limits(calls=calls, tokens=tokens, cost=cost))
    open_reservations = []
    for worst_tokens, worst_cost, part, at_once in sequence:
        reservation = budget.reserve(estimate(worst_tokens, worst_cost))
        if reservation is None:
            continue
        taken = Spent(1, int(worst_tokens * part), worst_cost * part)
        open_reservations.append((reservation, taken))
        total = budget.spent + budget.reserved
        assert total.calls <= calls
        assert total.tokens <= tokens
        assert total.cost <= cost + 1e-9
        if at_once:
            budget.settle(*open_reservations.pop())
    for reservation, taken in open_reservations:
        budget.settle(reservation, taken)
    assert budget.reserved == Spent(0, 0, 0.0)
    assert budget.spent.cost <= cost + 1e-9


def test_many_threads_together_get_no_more_than_there_is():
    budget = Budget(Limits(calls=50, tokens=10**6))
    granted = []
    barrier = threading.Barrier(8)

    def ask():
        barrier.wait()
        for _ in range(40):
            reservation = budget.reserve(estimate(1))
            if reservation is not None:
                granted.append(1)
                budget.settle(reservation, Spent(1, 1, 0.0))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(granted), budget.spent.calls) == (50, 50)
