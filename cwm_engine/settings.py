"""The settings of a project: what `cwm.toml` and `[tool.cwm]` may hold, and what is said if they hold anything else."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cwm_engine.errors import CwmError
from cwm_engine.findings import Severity

CONFIG_NAMES = ("cwm.toml", "pyproject.toml")
"""Where settings are looked for in a directory, in this order."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(strict=False)]
Codes = Annotated[
    tuple[Annotated[str, Field(pattern=r"^CWM\d{0,3}$")], ...], BeforeValidator(_as_list), Field(strict=False)
]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Tolerance(_Table):
    """How near floats must be: `|predicted - observed| <= atol + rtol * |observed|`; None where nothing is set."""

    atol: Number | None = None
    rtol: Number | None = None


class ModelEntry(_Table):
    """One `[[models]]` entry; paths are relative to the file it is in.

    Attributes:
        file: The model, `path/to/file.py` or `path/to/file.py::Class`.
        trajectories: The data it is checked against: files, folders, patterns, Minari ids.
        env: The environment it models, e.g. `CartPole-v1`.
        description: What the environment is, in words or as a path to a text, for whoever writes the model.
        tolerance: For its floats, instead of the project's.
        mode: Whether the state is set before every step, or at the start of each episode only.
        goal: Which of several goals is checked.
        stochastic: Whether it may answer differently each time.
        ignore: Fields left out of the comparison, e.g. `obs[3]`.
        pinned: Files of transitions that must stay right.
        allow_modules: Modules it may import besides those every model may.
    """

    file: Annotated[str, Field(min_length=1)]
    trajectories: Texts = ()
    env: str | None = None
    description: str | None = None
    tolerance: Tolerance = Tolerance()
    mode: Literal["transition", "episode"] = "transition"
    goal: str | None = None
    stochastic: bool = False
    ignore: Texts = ()
    pinned: Texts = ()
    allow_modules: Texts = ()


class Price(_Table):
    """What tokens of a language model cost, in dollars per million.

    Attributes:
        prompt: Tokens read.
        completion: Tokens written, those of hidden reasoning included.
        cached: Tokens read that were read shortly before; the full price if not given.
    """

    prompt: Number
    completion: Number
    cached: Number | None = None


class Synthesis(_Table):
    """How `cwm synthesize` searches where the command line does not say.

    Attributes:
        proposer: Who writes programs: `local` repairs without any language model, `openai` asks one.
        model: The language model's name at its endpoint.
        base_url: The address of the endpoint, e.g. `http://127.0.0.1:8080/v1`.
        prices: Dollars per million tokens by language model: tables of `prompt`, `completion` and perhaps `cached`.
        replies: Programs asked for in one request.
        reply_tokens: Tokens one reply may have, those of hidden reasoning included.
        temperature: How freely replies are sampled; the endpoint decides if not given.
        extra: Further parameters of a request, e.g. `{ reasoning_effort = "low" }`.
        strategy: Which strategy chooses where the search goes on.
        variant: Of `gif-mcts`: this project's, the paper's, or that of the released code.
        prompt_style: What a language model is told: all that is known, or what the paper tells it.
        parallel: Requests under way at once.
        workers: Candidates checked at once.
        held_out: The part of the episodes that the search never sees.
        polish: Whether `local` works on each program of a language model before it is scored.
        fit: Whether the numbers of programs are fitted.
        max_calls: Requests to a language model.
        max_tokens: Tokens read and written.
        max_cost: Dollars.
        max_seconds: Seconds.
        max_nodes: Programs to try.
    """

    proposer: Literal["local", "openai"] | None = None
    model: str | None = None
    base_url: str | None = None
    prices: dict[str, Price] = {}
    replies: Annotated[int, Field(ge=1)] | None = None
    reply_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Number | None = None
    extra: dict[str, Any] = {}
    strategy: Literal["gif-mcts", "rex", "greedy", "best-of-n", "ab-mcts"] | None = None
    variant: Literal["default", "paper", "released"] | None = None
    prompt_style: Literal["default", "paper"] | None = None
    parallel: Annotated[int, Field(ge=1)] | None = None
    workers: Annotated[int, Field(ge=1)] | None = None
    held_out: Annotated[Number, Field(lt=1)] | None = None
    polish: bool | None = None
    fit: bool | None = None
    max_calls: Annotated[int, Field(ge=0)] | None = None
    max_tokens: Annotated[int, Field(ge=0)] | None = None
    max_cost: Number | None = None
    max_seconds: Number | None = None
    max_nodes: Annotated[int, Field(ge=0)] | None = None

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class Settings(_Table):
    """What `cwm.toml` or `[tool.cwm]` may hold.

    Attributes:
        select: Codes of findings to show, or how they start; all if empty.
        ignore: Codes of findings to leave out.
        fail_on: The mildest severity that fails a check.
        min_accuracy: The accuracy every model has to reach, 0..1.
        tolerance: For the floats of all models.
        workers: Models checked at once.
        wall_seconds: How long one model may take.
        memory_mb: Memory one model may use.
        loop_iterations: Turns the loops of one step may take.
        allow_modules: Modules all models may import besides those every model may.
        synthesis: How `cwm synthesize` searches.
        models: The models of the project.
    """

    select: Codes = ()
    ignore: Codes = ()
    fail_on: Literal["error", "warning", "info", "hint", "never"] = "warning"
    min_accuracy: Annotated[Number, Field(le=1)] | None = None
    tolerance: Tolerance = Tolerance()
    workers: Annotated[int, Field(ge=1)] | None = None
    wall_seconds: Annotated[Number, Field(gt=0)] | None = None
    memory_mb: Annotated[int, Field(ge=16)] | None = None
    loop_iterations: Annotated[int, Field(ge=1)] | None = None
    allow_modules: Texts = ()
    synthesis: Synthesis = Synthesis()
    models: Annotated[tuple[ModelEntry, ...], Field(strict=False)] = ()

    @property
    def failing_severity(self) -> Severity | None:
        """`fail_on` as a severity; None if findings never fail a check."""
        return None if self.fail_on == "never" else Severity(self.fail_on)


def read_settings(config: Path) -> Settings | None:
    """The settings in a file; None if it is a `pyproject.toml` without any.

    Raises:
        CwmError: They are not valid; the message names the file, the key and the reason.
    """
    table = _read_table(config)
    return None if table is None else validate_settings(table, config)


def validate_settings(table: Mapping[str, Any], config: Path) -> Settings:
    """Settings from the table they stand in.

    Raises:
        CwmError: They are not valid; the message names the keys and the reasons.
    """
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        problems = [_explain(problem, table) for problem in error.errors(include_url=False)]
    shown = "; ".join(message for message, _ in problems[:5])
    more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
    hints = [hint for _, hint in problems[:5] if hint]
    raise CwmError(f"{shown}{more}", path=config, hint=hints[0] if hints else None)


def _read_table(config: Path) -> Mapping[str, Any] | None:
    """The settings in a file; None if it is a `pyproject.toml` without any."""
    try:
        text = config.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CwmError(f"cannot be read: {reason}", path=config) from None
    if config.name == "pyproject.toml" and "cwm" not in text:
        return None  # somebody else's, which need not even be valid
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        raise CwmError(f"is not valid TOML: {reason[0].lower()}{reason[1:]}", path=config) from None
    if config.name != "pyproject.toml":
        return document
    tool = document.get("tool", {})
    table = tool.get("cwm") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise CwmError("`tool.cwm` is not a table", path=config, hint="write [tool.cwm]")
    return table


def _explain(problem: Any, table: Mapping[str, Any]) -> tuple[str, str | None]:
    """A problem of the configuration: key and reason, and what to do."""
    location = [part for part in problem["loc"] if not _is_union_branch(part)]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    where = f"`{key}`{_which_model(location, table)}"
    match problem["type"]:
        case "extra_forbidden":
            name = str(location[-1])
            if location == ["tool"]:
                return "has a table [tool]", "in cwm.toml the settings are at the top, without [tool.cwm]"
            if "synthesis" in location and name.replace("-", "_").endswith("api_key"):
                return f"unknown key {where}", "a key is no setting: set OPENAI_API_KEY in the environment"
            known = list(_table_at(location).model_fields)
            similar = difflib.get_close_matches(name.replace("-", "_").lower(), known, n=1, cutoff=0.6)
            hint = f"did you mean `{similar[0]}`?" if similar else f"known keys: {', '.join(known)}"
            return f"unknown key {where}", hint
        case "missing":
            return f"{where} is missing", "every [[models]] entry needs `file`" if location[-1] == "file" else None
        case "string_pattern_mismatch":
            return f"{where} is {problem['input']!r}, which is no code of a finding", "codes look like CWM201 or CWM2"
        case "tuple_type" if location == ["models"]:
            return "`models` is not a list of tables", "write [[models]] with two brackets for each model"
        case "model_type" | "dict_type":
            return f"{where} is not a table but {_shown(problem['input'])}", None
        case _:
            reason = str(problem["msg"]).removeprefix("Value error, ").replace("Input should", "should")
            return f"{where} {reason}, not {_shown(problem['input'])}", None


def _table_at(location: Sequence[Any]) -> type[_Table]:
    """The table that an unknown key at this place stands in."""
    tables: dict[str, type[_Table]] = {
        "tolerance": Tolerance,
        "prices": Price,
        "synthesis": Synthesis,
        "models": ModelEntry,
    }
    return next((table for name, table in tables.items() if name in location[:-1]), Settings)


def _which_model(location: Sequence[Any], table: Mapping[str, Any]) -> str:
    if len(location) < 2 or location[0] != "models" or not isinstance(location[1], int):
        return ""
    try:
        return f" (of {table['models'][location[1]]['file']})"
    except (KeyError, TypeError, IndexError):
        return ""


def _is_union_branch(part: object) -> bool:
    return isinstance(part, str) and ("[" in part or part in {"constrained-float", "constrained-int"})


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
