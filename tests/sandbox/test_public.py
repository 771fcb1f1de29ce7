"""What the room offers by name, and what naming it costs."""

import subprocess
import sys

import pytest

import cwm_engine.sandbox as sandbox


def test_every_public_name_is_there():
    assert sorted(sandbox.__all__) == sandbox.__all__
    assert all(getattr(sandbox, name) is not None for name in sandbox.__all__)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'zigote'"):
        _ = sandbox.zigote


def test_importing_the_room_imports_nothing_heavy():
    """Children import it too."""
    code = "import sys, cwm_engine.sandbox; print('numpy' in sys.modules or 'ctypes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
