"""The header that every exported file carries: structure, spaces and provenance as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from cwm_engine.errors import CwmError
from cwm_engine.trajectories.columns import Leaf, Structure, leaves, structure_from_json, structure_to_json
from cwm_engine.trajectories.dataset import Dataset, Provenance, Spaces

FORMAT: Final = 1
UPGRADE_HINT: Final = "pip install --upgrade code-world-models"

_OBJECTS: Final = {"environment_kwargs", "versions"}
_NUMBERS: Final = {"seed", "max_episode_steps"}


@dataclass(frozen=True, slots=True)
class Header:
    """What is known about a file's transitions besides themselves; structures are None where it does not say."""

    observation: Structure | None = None
    action: Structure | None = None
    info: Mapping[str, Structure] | None = None
    spaces: Spaces = Spaces()
    provenance: Provenance = Provenance()


def header_of(dataset: Dataset) -> Header:
    """The header of a dataset."""
    return Header(
        observation=dataset.observations.structure,
        action=dataset.actions.structure,
        info={name: columns.structure for name, columns in dataset.info.items()},
        spaces=dataset.spaces,
        provenance=dataset.provenance,
    )


def write_header(header: Header) -> dict[str, Any]:
    """The header as a JSON object; what is unknown is left out, and so is the file it was once read from."""
    data: dict[str, Any] = {"cwm": FORMAT}
    spaces = {"observation": header.spaces.observation, "action": header.spaces.action}
    structure: dict[str, Any] = {}
    if header.observation is not None:
        structure["observation"] = structure_to_json(header.observation)
    if header.action is not None:
        structure["action"] = structure_to_json(header.action)
    if header.info:
        structure["info"] = [[name, structure_to_json(item)] for name, item in header.info.items()]
    for name, part in (("provenance", provenance_to_json(header.provenance)), ("spaces", spaces)):
        known = {key: value for key, value in part.items() if value is not None}
        if known:
            data[name] = known
    if structure:
        data["structure"] = structure
    return data


def read_header(data: Any, path: Path | str, place: str = "the header") -> Header:
    """The header in a JSON object.

    Raises:
        CwmError: It was written by a newer version, or it is malformed.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("cwm"), int):
        raise CwmError(f"{place}: not a header of trajectories", path=path, hint='a header is {"cwm": 1, ...}')
    if data["cwm"] > FORMAT:
        raise CwmError(
            f"was written by a newer version (format {data['cwm']}; this one reads {FORMAT})",
            path=path,
            hint=UPGRADE_HINT,
        )
    try:
        structure, spaces = data.get("structure") or {}, data.get("spaces") or {}
        return Header(
            observation=_optional_structure(structure.get("observation")),
            action=_optional_structure(structure.get("action")),
            info={str(name): structure_from_json(item) for name, item in structure.get("info") or ()},
            spaces=Spaces(spaces.get("observation"), spaces.get("action")),
            provenance=provenance_from_json(data.get("provenance") or {}),
        )
    except (AttributeError, TypeError, ValueError, CwmError) as error:
        raise CwmError(f"{place}: {error}", path=path) from error


def part_names(name: str, structure: Structure) -> list[tuple[str, Leaf]]:
    """The leaves of a structure under names that can be columns of a file, such as `obs.board` and `action[1]`.

    Raises:
        CwmError: Two leaves would have one name, or a name cannot be printed.
    """
    parts = leaves(structure, name)
    names = [part for part, _ in parts]
    unfit = [part for part in names if names.count(part) > 1 or not part.isprintable()]
    if unfit:
        raise CwmError(f"{unfit[0]!r} cannot be the name of a column", hint="write JSON Lines or SQLite")
    return parts


def provenance_to_json(provenance: Provenance) -> dict[str, Any]:
    """What is known of the provenance, without the file it was read from."""
    return {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in asdict(provenance).items()
        if value not in (None, {}) and name != "source"
    }


def provenance_from_json(data: Mapping[str, Any]) -> Provenance:
    """The provenance that `provenance_to_json` wrote; items it does not know are left out.

    Raises:
        TypeError: An item has the wrong type.
    """
    known: dict[str, Any] = {}
    for name in (field.name for field in fields(Provenance)):
        value = data.get(name)
        expected: Any = Mapping if name in _OBJECTS else int if name in _NUMBERS else str
        if value is None:
            continue
        if not isinstance(value, expected):
            raise TypeError(f"provenance: {name} is {value!r:.80}")
        known[name] = value
    return Provenance(**known)


def _optional_structure(data: Any) -> Structure | None:
    return None if data is None else structure_from_json(data)
