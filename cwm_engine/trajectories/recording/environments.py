"""Real environments: making them, and which programs compute them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from cwm_engine import __version__
from cwm_engine.errors import CwmError

if TYPE_CHECKING:
    from gymnasium import Env


def make_environment(env_id: str, kwargs: Mapping[str, Any] | None = None) -> Env[Any, Any]:
    """An environment by its Gymnasium id, which may name the module that registers it: `module:Name-v0`.

    Raises:
        CwmError: There is no such environment, or it cannot be made here.
    """
    import gymnasium
    from gymnasium.error import DependencyNotInstalled, Error

    try:
        # The checker looks at the first steps only, but costs time at every step.
        return gymnasium.make(env_id, disable_env_checker=True, **(kwargs or {}))
    except ModuleNotFoundError as error:
        hint = "install the package that provides it, or run where it can be imported"
        raise CwmError(f"environment {env_id}: {error}", hint=hint) from error
    except DependencyNotInstalled as error:
        raise CwmError(f"environment {env_id} needs more than is installed: {error}") from error
    except Error as error:
        hint = "`package:Name-v0` imports the package that registers it, as in minigrid:MiniGrid-Empty-5x5-v0"
        raise CwmError(f"environment {env_id}: {error}", hint=hint) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise CwmError(f"environment {env_id} could not be made: {reason}", hint="check its arguments") from error


def full_id(env_id: str, env: Env[Any, Any]) -> str:
    """The id with its version and the module that registers it."""
    known = env.spec.id if env.spec is not None else env_id
    module, colon, _ = env_id.rpartition(":")
    return known if not colon or ":" in known else f"{module}:{known}"


def package_versions(env: Env[Any, Any]) -> dict[str, str]:
    """Versions of Python, of this program, and of the packages that compute the environment."""
    modules = [base.__module__ for base in type(env.unwrapped).__mro__]
    # What a package's environments inherit from computes them, too; MuJoCo is only ever used by them.
    packages = dict.fromkeys(["gymnasium", "numpy", *(module.partition(".")[0] for module in modules)])
    wanted = [*packages, *(["mujoco"] if any("mujoco" in module for module in modules) else [])]
    versions = {"python": platform.python_version(), "code-world-models": __version__}
    for name in wanted:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
