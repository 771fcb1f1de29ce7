"""Small grid worlds of our own, registered with Gymnasium: `benchmarks.worlds:KeysAndDoors-v0` and the others."""

from __future__ import annotations

from gymnasium.envs.registration import register, registry

_LIMITS = {"KeysAndDoors": 50, "OneBox": 40, "Ice": 30}
_MODULES = {"KeysAndDoors": "keys_and_doors", "OneBox": "one_box", "Ice": "ice"}

for _name, _limit in _LIMITS.items():
    if f"{_name}-v0" not in registry:
        _entry = f"benchmarks.worlds.{_MODULES[_name]}:{_name}"
        register(f"{_name}-v0", entry_point=_entry, max_episode_steps=_limit)
