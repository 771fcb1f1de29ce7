"""JSON Lines: the format for reading, writing and comparing trajectories by hand and in version control.

The first line may be a header, `{"cwm": 1, ...}`, with spaces, structure and provenance. Every other line is one
transition: `observation`, `action`, `reward`, `terminated`, and optionally `episode`, `truncated`, `step`, `info` and
`next_observation`, which may be left out where the next line continues the episode. Without `episode`, a new one
begins after a terminated or truncated line.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

from cwm_engine.errors import CwmError
from cwm_engine.files import replacing
from cwm_engine.trajectories.columns import Array, Columns, DictOf, Kind, Leaf, Structure, TupleOf
from cwm_engine.trajectories.dataset import Dataset
from cwm_engine.trajectories.episodes import Episode, split_episodes
from cwm_engine.trajectories.formats.header import Header, header_of, read_header, write_header
from cwm_engine.trajectories.formats.rows import Row, collector_paused, dataset_of_rows
from cwm_engine.trajectories.json_values import short_floats

_REQUIRED: Final = ("observation", "action", "reward", "terminated")
_KNOWN: Final = {*_REQUIRED, "episode", "step", "next_observation", "truncated", "info"}
_LAST_STEP: Final = 2**31 - 1
_GZIP_MAGIC: Final = b"\x1f\x8b"


def read_jsonl(path: Path, *, skip_bad: bool = False) -> Dataset:
    """The transitions of a JSON Lines file, gzipped or not.

    Raises:
        CwmError: A line cannot be read (it names the line and the reason), or there is no transition.
    """
    with collector_paused():
        header, rows = Header(), []
        for row in _rows(path):
            if isinstance(row, Header):
                header = row
            else:
                rows.append(row)
        return dataset_of_rows(rows, path=path, header=header, skip_bad=skip_bad)


def write_jsonl(dataset: Dataset, path: Path) -> None:
    """Write a dataset, gzipped where the name ends in `.gz`; equal data give equal files."""
    with replacing(path) as scratch, _open_text(scratch, compress=path.suffix == ".gz") as file:
        file.write(_dump(write_header(header_of(dataset))) + "\n")
        for number, episode in enumerate(split_episodes(dataset)):
            for line in _lines(number, episode):
                file.write(line + "\n")


def _rows(path: Path) -> Iterator[Row | Header]:
    episode: int | str = 0  # that of a line that does not say
    for number, text in enumerate(_text_lines(path), start=1):
        place = f"line {number}"
        if not text.strip():
            continue
        try:
            data = json.loads(text.rstrip())
        except (ValueError, RecursionError) as error:
            where = f": {error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            yield Row(place, episode, problem=f"not JSON{where}")
            continue
        if isinstance(data, dict) and "cwm" in data and "observation" not in data:
            yield read_header(data, f"{path}", place)
            continue
        row = _row(place, data, episode)
        yield row
        ended = row.terminated or row.truncated
        episode = row.episode + ended if isinstance(row.episode, int) else f"{row.episode}+" if ended else row.episode


def _row(place: str, data: Any, episode: int | str) -> Row:
    if not isinstance(data, dict):
        return Row(place, episode, problem="not a JSON object")
    name = data.get("episode", episode)
    if not isinstance(name, int | str):
        return Row(place, episode, problem="episode is neither a number nor a name")
    return Row(place, name, **_checked(data))


def _checked(data: Mapping[str, Any]) -> dict[str, Any]:
    problem = _problem(data)
    if problem is not None:
        return {"problem": problem}
    fields: dict[str, Any] = {name: data[name] for name in _KNOWN - {"episode"} if name in data}
    fields["terminated"], fields["truncated"] = bool(data["terminated"]), bool(data.get("truncated", False))
    return fields


def _problem(data: Mapping[str, Any]) -> str | None:
    missing = [name for name in _REQUIRED if name not in data]
    unknown = [name for name in data if name not in _KNOWN]
    if missing or unknown:
        parts = [f"has no {name}" for name in missing] + [f'has an unknown key "{name}"' for name in unknown]
        return ", ".join(parts)
    if not isinstance(data["reward"], int | float):
        return f"reward: expected a number, got {json.dumps(data['reward']):.80}"
    for name in ("terminated", "truncated"):
        if data.get(name, False) not in (True, False):
            return f"{name}: expected true or false, got {json.dumps(data[name]):.80}"
    if not isinstance(data.get("info", {}), dict):
        return "info: expected an object"
    if not isinstance(data.get("step", 0), int) or not 0 <= data.get("step", 0) <= _LAST_STEP:
        return f"step: expected a whole number, got {json.dumps(data['step']):.80}"
    return None


def _text_lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == _GZIP_MAGIC
        with gzip.open(path, "rb") if compressed else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError:
                    yield "\ufffd"
    except (OSError, EOFError, zlib.error) as error:
        raise CwmError(f"cannot be read: {error}", path=path) from error


def _lines(number: int, episode: Episode) -> Iterator[str]:
    """The lines of one episode, keys always in the same order."""
    observations, actions = json_rows(episode.observations), json_rows(episode.actions)
    following = None if episode.next_observations is None else json_rows(episode.next_observations)
    info = {name: json_rows(columns) for name, columns in episode.info.items()}
    last = len(episode) - 1
    for step in range(len(episode)):
        line: dict[str, Any] = {"episode": number}
        if episode.steps is not None:
            line["step"] = int(episode.steps[step])
        line |= {"observation": observations[step], "action": actions[step], "reward": float(episode.rewards[step])}
        if following is not None:
            line["next_observation"] = following[step]
        elif step == last:
            line["next_observation"] = observations[step + 1]
        line["terminated"] = bool(episode.terminated[step])
        line["truncated"] = bool(episode.truncated[step])
        if info:
            line["info"] = {name: values[step] for name, values in info.items()}
        yield _dump(line)


def _dump(line: dict[str, Any]) -> str:
    text = json.dumps(line, ensure_ascii=False, check_circular=False)
    # Halves of surrogate pairs are legal in a Python string and in JSON's \u escapes, but not in UTF-8.
    return text if text.isascii() or _encodes(text) else json.dumps(line)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def json_rows(columns: Columns) -> list[Any]:
    """Every row as a JSON value, floats with the fewest digits that read back as the same number."""
    arrays = iter(columns.arrays)
    return _json_rows(columns.structure, arrays)


def _json_rows(structure: Structure, arrays: Iterator[Array]) -> list[Any]:
    match structure:
        case Leaf(Kind.JSON):
            return [json.loads(text) for text in next(arrays)]
        case Leaf():
            rows: list[Any] = short_floats(next(arrays)).tolist()
            return rows
        case TupleOf(items):
            return [list(row) for row in zip(*(_json_rows(item, arrays) for item in items), strict=True)]
        case DictOf(items):
            names = [name for name, _ in items]
            parts = [_json_rows(item, arrays) for _, item in items]
            return [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]


@contextmanager
def _open_text(path: Path, *, compress: bool) -> Iterator[IO[str]]:
    with path.open("wb") as file, ExitStack() as layers:
        binary: IO[bytes] = file
        if compress:
            # No name and no time: equal data give equal files.
            compressed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
            binary = cast("IO[bytes]", layers.enter_context(compressed))
        yield layers.enter_context(io.TextIOWrapper(binary, encoding="utf-8", newline="\n"))
