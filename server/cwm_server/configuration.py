"""What the user has set in the editor, section `cwm`; what stands in the project's own configuration wins over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

RunMode = Literal["onType", "onSave", "manual"]


@dataclass(frozen=True)
class Configuration:
    """The settings of the editor for one file.

    Attributes:
        run: When a model is checked.
        atol, rtol: How near floats must be, where the project leaves it open.
        workers: How many files may be checked at once.
        wall_seconds: How long the check of one model may take, where the project leaves it open.
        interpreter: The Python that workers run with; the server's own when None.
        run_below_full_isolation: Whether models run without asking where the sandbox is not at its full level.
        inlay_hints: Whether to show how many transitions execute a branch.
        fade_unexercised: Whether code that no transition executes is greyed out.
        proposer: What writes candidates in a search: `local`, `openai`, `editor` or `replay`; the project's when None.
        budget_calls, budget_tokens, budget_cost, budget_seconds: What one search may use; the project's when None.
    """

    run: RunMode = "onType"
    atol: float | None = None
    rtol: float | None = None
    workers: int | None = None
    wall_seconds: float | None = None
    interpreter: str | None = None
    run_below_full_isolation: bool = False
    inlay_hints: bool = False
    fade_unexercised: bool = False
    proposer: str | None = None
    budget_calls: int | None = None
    budget_tokens: int | None = None
    budget_cost: float | None = None
    budget_seconds: float | None = None


def read_configuration(section: Any) -> tuple[Configuration, list[str]]:
    """The settings in what the client sent, and what is wrong with it in words; what is wrong is as if not set."""
    if not isinstance(section, dict):
        return Configuration(), [] if section is None else ["the section `cwm` is not an object"]
    from pydantic import ValidationError

    from cwm_server.settings_model import EditorSettings

    problems: list[str] = []
    table = section
    for _ in range(2):
        try:
            return EditorSettings.model_validate(table).configuration(), problems
        except ValidationError as error:
            bad = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
            problems += [f"`cwm.{'.'.join(map(str, problem['loc']))}`: {problem['msg']}" for problem in error.errors()]
            table = {name: value for name, value in section.items() if name not in bad}
    return Configuration(), problems
