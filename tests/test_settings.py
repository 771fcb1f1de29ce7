"""Settings: what may stand in the configuration, and what is said about anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwm_engine.errors import CwmError
from cwm_engine.findings import Severity
from cwm_engine.settings import ModelEntry, Settings, read_settings, validate_settings


def settings_of(folder: Path, text: str, name: str = "cwm.toml") -> Settings:
    (folder / name).write_text(text)
    settings = read_settings(folder / name)
    assert settings is not None
    return settings


def error_of(folder: Path, text: str, name: str = "cwm.toml") -> CwmError:
    (folder / name).write_text(text)
    with pytest.raises(CwmError) as caught:
        read_settings(folder / name)
    assert caught.value.path == folder / name
    return caught.value


def test_everything_that_can_be_configured(tmp_path: Path) -> None:
    text = """
        select = ["CWM2", "CWM301"]
        ignore = "CWM602"
        fail_on = "error"
        min_accuracy = 1
        workers = 2
        wall_seconds = 30
        memory_mb = 512
        loop_iterations = 1000
        allow_modules = ["scipy"]

        [tolerance]
        atol = 1e-3

        [[models]]
        file = "cart.py::Cart"
        trajectories = ["data/cart.npz", "minari:cart/random-v0"]
        env = "CartPole-v1"
        description = "A pole on a cart."
        tolerance = { rtol = 0 }
        mode = "episode"
        goal = "upright"
        stochastic = true
        ignore = "obs[3]"
        pinned = "pinned.jsonl"
        allow_modules = "numba"
    """
    settings = settings_of(tmp_path, text)
    assert (settings.select, settings.ignore, settings.failing_severity) == (
        ("CWM2", "CWM301"), ("CWM602",), Severity.ERROR,
    )  # fmt: skip
    assert (settings.min_accuracy, settings.tolerance.atol, settings.tolerance.rtol) == (1.0, 1e-3, None)
    assert settings.models == (
        ModelEntry(
            file="cart.py::Cart",
            trajectories=("data/cart.npz", "minari:cart/random-v0"),
            env="CartPole-v1",
            description="A pole on a cart.",
            tolerance={"rtol": 0.0},
            mode="episode",
            goal="upright",
            stochastic=True,
            ignore=("obs[3]",),
            pinned=("pinned.jsonl",),
            allow_modules=("numba",),
        ),
    )


def test_the_table_in_pyproject_is_the_same(tmp_path: Path) -> None:
    table = '[project]\nname = "x"\n[tool.cwm]\nselect = ["CWM2"]\n[[tool.cwm.models]]\nfile = "a.py"\n'
    settings = settings_of(tmp_path, table, "pyproject.toml")
    assert (settings.select, [entry.file for entry in settings.models]) == (("CWM2",), ["a.py"])


def test_a_pyproject_without_settings_is_somebody_elses(tmp_path: Path) -> None:
    for text in ("[project]\nname = 'x'\n", "[tool.black]\ncwm = 1\n", "this is = = not toml"):
        (tmp_path / "pyproject.toml").write_text(text)
        assert read_settings(tmp_path / "pyproject.toml") is None


def test_never_failing_is_possible(tmp_path: Path) -> None:
    assert settings_of(tmp_path, 'fail_on = "never"').failing_severity is None


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "\ufeffworkers = 1\n").workers == 1


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('selct = ["CWM2"]', "unknown key `selct`", "did you mean `select`?"),
        ('fail-on = "error"', "unknown key `fail-on`", "did you mean `fail_on`?"),
        ("colour = 1", "unknown key `colour`", "known keys: select, ignore"),
        ("[tolerance]\natoll = 1.0", "unknown key `tolerance.atoll`", "did you mean `atol`?"),
        ('[[models]]\nfile = "a.py"\ntrajectory = "x"', "unknown key `models[0].trajectory` (of a.py)",
         "did you mean `trajectories`?"),
        ('[tool.cwm]\nselect = ["CWM2"]', "has a table [tool]",
         "in cwm.toml the settings are at the top, without [tool.cwm]"),
        ('[models]\nfile = "a.py"', "`models` is not a list of tables",
         "write [[models]] with two brackets for each model"),
        ('[[models]]\nenv = "x"', "`models[0].file` is missing", "every [[models]] entry needs `file`"),
        ('select = ["E501"]', "`select[0]` is 'E501', which is no code of a finding", "codes look like CWM201 or CWM2"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_what_to_write(tmp_path: Path, text: str, message: str, hint: str) -> None:
    error = error_of(tmp_path, text)
    assert error.message == message
    assert error.hint is not None
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = 0", "`workers` should be greater than or equal to 1, not 0"),
        ('workers = "2"', "`workers` should be a valid integer, not '2'"),
        ("min_accuracy = 1.5", "`min_accuracy` should be less than or equal to 1, not 1.5"),
        ("wall_seconds = 0", "`wall_seconds` should be greater than 0, not 0"),
        ("tolerance = 1e-5", "`tolerance` is not a table but 1e-05"),
        ("[tolerance]\natol = nan", "`tolerance.atol` should be a finite number, not nan"),
        ("[tolerance]\nrtol = -1", "`tolerance.rtol` should be greater than or equal to 0, not -1"),
        ('fail_on = "bad"', "`fail_on` should be 'error', 'warning', 'info', 'hint' or 'never', not 'bad'"),
        ('[[models]]\nfile = "a.py"\nmode = "steps"',
         "`models[0].mode` (of a.py) should be 'transition' or 'episode', not 'steps'"),
        ('[[models]]\nfile = "a.py"\nstochastic = 1',
         "`models[0].stochastic` (of a.py) should be a valid boolean, not 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_shown_with_what_it_should_be(tmp_path: Path, text: str, message: str) -> None:
    assert error_of(tmp_path, text).message == message


def test_all_mistakes_are_told_at_once_up_to_five(tmp_path: Path) -> None:
    message = error_of(tmp_path, "\n".join(f"key{k} = 1" for k in range(7))).message
    assert message.startswith("unknown key `key0`; unknown key `key1`;")
    assert message.endswith("; and 2 more")


def test_a_file_that_is_not_toml_gives_the_place(tmp_path: Path) -> None:
    assert error_of(tmp_path, "workers = 1\nselect = [").message.startswith("is not valid TOML: ")
    assert "line 2" in error_of(tmp_path, "workers = 1\nselect = x").message
    assert error_of(tmp_path, "[tool.cwm]\nx = = 1", "pyproject.toml").message.startswith("is not valid TOML: ")
    assert error_of(tmp_path, "tool.cwm = 1", "pyproject.toml").message == "`tool.cwm` is not a table"


def test_a_file_that_is_not_text_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "cwm.toml").write_bytes(b"select = '\xff'")
    with pytest.raises(CwmError, match="cannot be read: it is not UTF-8 text"):
        read_settings(tmp_path / "cwm.toml")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*Settings.model_fields, "other"]), VALUES, max_size=4))
def test_any_table_is_either_settings_or_an_error_with_a_message(table: dict[str, Any]) -> None:
    try:
        read: Settings | str = validate_settings(table, Path("cwm.toml"))
    except CwmError as error:
        read = error.message
    assert isinstance(read, Settings) or "`" in read
