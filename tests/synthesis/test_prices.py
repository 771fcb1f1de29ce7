"""What a call costs, and what is said where nobody knows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.synthesis.interfaces import Usage
from cwm_engine.synthesis.prices import PRICES, Price, cost_of, price_of, tokens_at_most, tokens_in


def test_a_listed_model_has_its_price() -> None:
    price = price_of("gpt-4o")
    assert price is not None
    assert cost_of(price, Usage(1_000_000, 1_000_000)) == pytest.approx(12.5)


def test_the_date_of_a_snapshot_does_not_change_the_price() -> None:
    assert price_of("gpt-4o-mini-2024-07-18") == PRICES["gpt-4o-mini"]


@pytest.mark.parametrize("name", ["llama3.1:8b", "gpt-4o-audio-preview", "gpt-5.4-pro", ""])
def test_a_model_that_is_not_listed_has_no_price(name: str) -> None:
    """A name that only starts like a listed one is another model."""
    assert price_of(name) is None
    assert cost_of(price_of(name), Usage(10, 10)) is None


def test_the_users_own_price_wins_over_the_list() -> None:
    own = {"gpt-4o": Price(1.0, 2.0), "my-llama": Price(0.0, 0.0)}
    assert price_of("gpt-4o-2024-08-06", own) == Price(1.0, 2.0)
    assert cost_of(price_of("my-llama", own), Usage(1000, 1000)) == 0.0


def test_list_prices_do_not_hold_at_other_endpoints() -> None:
    assert price_of("gpt-4o", listed=False) is None
    assert price_of("gpt-4o", {"gpt-4o": Price(1.0, 1.0)}, listed=False) == Price(1.0, 1.0)


def test_cached_tokens_cost_less() -> None:
    assert cost_of(Price(10.0, 0.0, cached=1.0), Usage(1_000_000, 0), cached_tokens=500_000) == pytest.approx(5.5)


def test_cached_tokens_beyond_those_read_make_nothing_cheaper() -> None:
    """An endpoint may count wrongly; a cost is never negative."""
    assert cost_of(Price(10.0, 0.0, cached=0.0), Usage(100, 0), cached_tokens=10**9) == 0.0


@given(st.text(max_size=200))
def test_the_most_a_text_can_be_is_never_less_than_the_guess_of_digits_and_signs(text: str) -> None:
    """Some tokenizers make every digit a token of its own: the reservation counts them so."""
    assert tokens_at_most(text) >= sum(character.isdigit() and character.isascii() for character in text)
    assert tokens_in(text) <= len(text) + 1


def test_the_reservation_for_code_is_above_the_guess_but_not_by_much() -> None:
    code = "        theta_acc = (self.gravity * sin - cos * push) / inertia\n" * 20
    assert tokens_in(code) < tokens_at_most(code) < 3 * tokens_in(code)
