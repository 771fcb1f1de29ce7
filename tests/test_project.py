"""The project: where its configuration is, and which trajectories check which model."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwm_engine.errors import CwmError
from cwm_engine.project import ModelTarget, find_project, models_in, resolve_model, split_spec


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def only(targets: tuple[ModelTarget, ...]) -> ModelTarget:
    (target,) = targets
    return target


def data_of(target: ModelTarget) -> list[str]:
    return [str(Path(name).relative_to(target.root)) for name in target.trajectories]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which is the working directory."""
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


# -- finding the configuration -----------------------------------------------------------------------------------------


def test_the_nearest_configuration_upwards_counts(root: Path) -> None:
    (root / "cwm.toml").write_text("workers = 1\n")
    touch(root, "a/b/model.py", "a/pyproject.toml")
    assert find_project(root / "a" / "b" / "model.py").config == root / "cwm.toml"
    (root / "a" / "pyproject.toml").write_text("[tool.cwm]\nworkers = 2\n")
    project = find_project(root / "a" / "b")
    assert (project.root, project.settings.workers) == (root / "a", 2)


def test_cwm_toml_wins_over_a_pyproject_beside_it(root: Path) -> None:
    (root / "cwm.toml").write_text("workers = 1\n")
    (root / "pyproject.toml").write_text("[tool.cwm]\nworkers = 2\n")
    assert find_project(root).settings.workers == 1


def test_without_configuration_a_repository_is_the_project(root: Path) -> None:
    touch(root, "models/deep/model.py")
    (root / ".git").mkdir()
    project = find_project("models/deep/model.py")
    assert (project.root, project.config, project.models) == (root, None, ())


def test_a_mistake_in_the_configuration_is_told_with_the_file(root: Path) -> None:
    (root / "cwm.toml").write_text("wokers = 1\n")
    with pytest.raises(CwmError, match=r"cwm\.toml: unknown key `wokers` \(did you mean `workers`\?\)"):
        find_project(root)


def test_a_spec_may_name_the_class() -> None:
    assert split_spec("a/b.py::Cart") == (Path("a/b.py"), "Cart")
    assert split_spec("a/b.py") == (Path("a/b.py"), None)
    for spec in ("a.py::", "::Cart"):
        with pytest.raises(CwmError, match="names no model"):
            split_spec(spec)


# -- which data ------------------------------------------------------------------------------------------------------


def test_data_that_is_given_comes_first(root: Path) -> None:
    touch(root, "cart.py", "trajectories/cart.npz")
    (root / "cwm.toml").write_text('[[models]]\nfile = "cart.py"\ntrajectories = "x.npz"\nenv = "CartPole-v1"\n')
    target = only(resolve_model("cart.py", find_project(), ["mine.npz"]))
    assert (target.trajectories, target.origin, target.env) == (("mine.npz",), "given", "CartPole-v1")


def test_configured_data_comes_before_data_of_the_same_name(root: Path) -> None:
    touch(root, "models/cart.py", "trajectories/cart.npz")
    text = '[[models]]\nfile = "models/cart.py"\ntrajectories = ["data/*.npz", "minari:cart/x-v0", "cart/y-v1"]\n'
    (root / "cwm.toml").write_text(text)
    target = only(resolve_model("models/cart.py", find_project()))
    assert target.trajectories == (str(root / "data/*.npz"), "minari:cart/x-v0", "cart/y-v1")
    assert target.origin == "configured"


@pytest.mark.parametrize("folder", ["models/trajectories", "trajectories", "models/../trajectories"])
def test_data_is_found_by_its_name_beside_the_model_or_above(root: Path, folder: str) -> None:
    touch(root, "models/cart.py", f"{folder}/cart.npz", f"{folder}/cart-2.jsonl", f"{folder}/pole.npz")
    touch(root, f"{folder}/cart.txt")
    target = only(resolve_model("models/cart.py", find_project()))
    assert [Path(name).name for name in target.trajectories] == ["cart-2.jsonl", "cart.npz"]
    assert target.origin == "found"


def test_the_nearest_folder_of_trajectories_with_something_fitting_counts(root: Path) -> None:
    touch(root, "models/cart.py", "trajectories/cart.npz", "models/trajectories/pole.npz")
    assert data_of(only(resolve_model("models/cart.py", find_project()))) == ["trajectories/cart.npz"]


def test_a_folder_of_data_may_have_the_models_name(root: Path) -> None:
    touch(root, "cart.py", "trajectories/cart/one.npz")
    assert data_of(only(resolve_model("cart.py", find_project()))) == ["trajectories/cart"]


def test_the_data_of_a_model_with_a_longer_name_is_left_to_it(root: Path) -> None:
    touch(root, "cart.py", "cart_broken.py", "trajectories/cart.npz", "trajectories/cart_broken.npz")
    assert data_of(only(resolve_model("cart.py", find_project()))) == ["trajectories/cart.npz"]
    assert data_of(only(resolve_model("cart_broken.py", find_project()))) == ["trajectories/cart_broken.npz"]


def test_a_word_that_only_starts_the_same_is_taken_if_nothing_fits_better(root: Path) -> None:
    touch(root, "cart.py", "trajectories/cartpole.npz")
    assert data_of(only(resolve_model("cart.py", find_project()))) == ["trajectories/cartpole.npz"]
    touch(root, "trajectories/cart.npz")
    assert data_of(only(resolve_model("cart.py", find_project()))) == ["trajectories/cart.npz"]


def test_a_name_full_of_pattern_characters_stands_for_itself(root: Path) -> None:
    touch(root, "cart[1].py", "trajectories/cart1.npz", "trajectories/cart[1].npz")
    assert data_of(only(resolve_model("cart[1].py", find_project()))) == ["trajectories/cart[1].npz"]


def test_data_outside_the_project_is_not_taken(root: Path) -> None:
    touch(root, "../trajectories/cart.npz", "cart.py", "cwm.toml")
    with pytest.raises(CwmError):
        resolve_model("cart.py", find_project())


def test_without_data_all_three_ways_are_named(root: Path) -> None:
    touch(root, "models/cart.py")
    (root / "pyproject.toml").write_text("[tool.cwm]\n")
    with pytest.raises(CwmError) as caught:
        resolve_model("models/cart.py", find_project())
    hint = caught.value.hint or ""
    assert caught.value.message == "there is no data to check this model against"
    assert all(
        part in hint for part in ("--trajectories", "[[tool.cwm.models]]", "trajectories/cart.sqlite", str(root))
    )
    target = only(resolve_model("models/cart.py", find_project(), required=False))
    assert (target.trajectories, target.origin) == ((), "none")


# -- which settings ----------------------------------------------------------------------------------------------------


def test_an_entry_overrides_the_tolerance_number_by_number(root: Path) -> None:
    text = '[tolerance]\natol = 1e-3\nrtol = 1e-2\n[[models]]\nfile = "a.py"\ntolerance = { atol = 0.5 }\n'
    (root / "cwm.toml").write_text(text + 'trajectories = "a.npz"\npinned = ["pin.jsonl"]\nignore = ["obs[1]"]\n')
    target = only(resolve_model("a.py", find_project()))
    assert (target.atol, target.rtol) == (0.5, 1e-2)
    assert (target.pinned, target.ignore_fields) == ((str(root / "pin.jsonl"),), ("obs[1]",))


def test_modules_are_allowed_by_the_project_and_by_the_entry(root: Path) -> None:
    (root / "cwm.toml").write_text(
        'allow_modules = ["scipy"]\n[[models]]\nfile = "a.py"\ntrajectories = "a"\nallow_modules = ["numba", "scipy"]\n'
    )
    assert only(resolve_model("a.py", find_project())).allow_modules == ("scipy", "numba")


def test_an_entry_may_be_for_one_class_of_the_file(root: Path) -> None:
    entries = [f'[[models]]\nfile = "a.py::{name}"\ntrajectories = "{name.lower()}"\n' for name in ("Cart", "Pole")]
    (root / "cwm.toml").write_text("".join(entries))
    project = find_project()
    assert data_of(only(resolve_model("a.py::Pole", project))) == ["pole"]
    assert [target.spec for target in resolve_model("a.py", project)] == ["a.py::Cart", "a.py::Pole"]


def test_a_class_without_an_entry_of_its_own_has_that_of_the_file(root: Path) -> None:
    (root / "cwm.toml").write_text('[[models]]\nfile = "a.py"\ntrajectories = "all"\n')
    target = only(resolve_model("a.py::Cart", find_project()))
    assert (target.class_name, data_of(target)) == ("Cart", ["all"])


def test_a_model_reached_by_another_path_is_the_same_model(root: Path) -> None:
    touch(root, "models/a.py")
    (root / "link").symlink_to(root / "models")
    (root / "cwm.toml").write_text('[[models]]\nfile = "models/a.py"\ntrajectories = "all"\n')
    for spec in ("link/a.py", "models/../models/a.py", str(root / "models/a.py")):
        assert only(resolve_model(spec, find_project())).origin == "configured"


# -- whole directories -------------------------------------------------------------------------------------------------


def test_a_directory_holds_its_configured_models_and_those_with_data_of_their_name(root: Path) -> None:
    touch(root, "models/a.py", "models/b.py", "models/sub/c.py", "models/helper.py", "other/d.py")
    touch(root, "trajectories/b.npz", "models/.hidden/e.py", "models/trajectories/f.py", "trajectories/e.npz")
    (root / "cwm.toml").write_text(
        "".join(f'[[models]]\nfile = "{name}"\ntrajectories = "x"\n' for name in ("other/d.py", "models/a.py"))
    )
    project = find_project()
    assert [str(target.path) for target in models_in("models", project)] == ["models/a.py", "models/b.py"]
    assert [str(target.path) for target in models_in(".", project)] == ["other/d.py", "models/a.py", "models/b.py"]


def test_a_configured_model_that_is_gone_is_still_listed(root: Path) -> None:
    """So that checking it says that the file is missing, instead of passing over it."""
    (root / "cwm.toml").write_text('[[models]]\nfile = "gone.py"\ntrajectories = "x"\n')
    assert [target.spec for target in models_in(".", find_project())] == ["gone.py"]
