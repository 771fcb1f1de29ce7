"""Which modules a model may import, and what to say about the others.

A model only computes, so it gets maths and data modules, NumPy, and Gymnasium for its spaces and base class. The list
is a policy, not the wall: the wall is the sandbox, which holds whatever a program gets its hands on. Two decisions:

- `sys` is allowed. Models written by language models import it for `sys.maxsize` or `sys.float_info`, and it gives
  nothing that every Python program does not already reach through the frames of an exception.
- `os`, and with it `os.path`, is not. There is nothing to compute with it: a model that uses it is mistaken about what
  a model is, and would meet the sandbox as a stranger error later.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

PRELOADED: tuple[str, ...] = (
    # the language's own helpers
    "__future__", "abc", "collections", "collections.abc", "contextlib", "copy", "dataclasses", "enum", "functools",
    "inspect", "io", "itertools", "linecache", "operator", "sys", "time", "tokenize", "traceback", "tracemalloc",
    "types", "typing", "warnings", "weakref",
    # numbers
    "bisect", "cmath", "decimal", "fractions", "heapq", "math", "numbers", "random", "statistics",
    # data and text; the compiler wants unicodedata for a Greek variable, `datetime.strptime` wants _strptime
    "array", "calendar", "datetime", "json", "queue", "re", "string", "struct", "textwrap", "unicodedata", "_strptime",
    # NumPy loads these on first use
    "numpy", "numpy.fft", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random", "numpy.strings",
)  # fmt: skip
"""What every sandbox imports before it closes, in this order; afterwards it cannot open the file of a lazy import."""

ALLOWED_MODULES: frozenset[str] = frozenset(
    {name.partition(".")[0] for name in PRELOADED if name == "__future__" or not name.startswith("_")}
    | {"base64", "binascii", "colorsys", "copyreg", "csv", "difflib", "graphlib", "hashlib", "keyword", "logging"}
    | {"pprint", "reprlib", "typing_extensions", "zlib", "gymnasium"}
)
"""Top-level names a model may import without configuration; their submodules are included."""


def is_installed(top: str) -> bool:
    """Whether a top-level module can be imported here, without importing it."""
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def has_submodule(top: str, parts: Sequence[str]) -> bool:
    """Whether `top.parts[0]...` is a module, judged by files alone (a find_spec of it would import its parents)."""
    if ".".join((top, *parts)) in sys.modules:
        return True
    if not parts or not is_installed(top):
        return False
    spec = importlib.util.find_spec(top)
    places = [Path(place) for place in (spec.submodule_search_locations if spec else None) or ()]
    places = [place.joinpath(*parts[:-1]) for place in places]
    name = parts[-1]
    if not name.isidentifier():
        return False
    return any(
        (place / name / "__init__.py").is_file() or (place / f"{name}.py").is_file() or any(place.glob(f"{name}.*.so"))
        for place in places
    )


def advice_if_missing(top: str, *, listed: bool) -> str:
    """What to do about a module that is not installed; `listed` if configuration allows it already."""
    if top == "gym":
        return "`gym` has become `gymnasium`, which is available: `import gymnasium as gym`."
    install = f"`pip install {_DISTRIBUTIONS.get(top, top)}`"
    advice = f"Install it with {install}."
    if not listed:
        advice = f'Do without it, or install it with {install} and set `allow_modules = ["{top}"]` for this model.'
    similar = difflib.get_close_matches(top, sorted(ALLOWED_MODULES), n=1, cutoff=0.75)
    return f"Did you mean `{similar[0]}`? {advice}" if similar else advice


def reason_if_not_allowed(top: str) -> tuple[str, str]:
    """Why a model may not import a module that is there (the end of a sentence), and what to do."""
    if top not in sys.stdlib_module_names:
        return (
            "is not among the modules a model may import",
            f'Do without it, or set `allow_modules = ["{top}"]` for this model.',
        )
    purpose = next((text for text, names in _PURPOSES.items() if top in names), None)
    reason = f"is not for models: it is for {purpose}" if purpose else "is not among the modules a model may import"
    return reason, "Remove the import; a model only computes with the state and the action it is given."


_PURPOSES = {
    "files and the environment": {
        "os", "pathlib", "shutil", "glob", "tempfile", "fileinput", "posixpath", "ntpath", "stat", "zipfile", "tarfile",
        "gzip", "bz2", "lzma", "sqlite3", "dbm", "configparser", "tomllib", "getpass", "platform", "pwd", "grp",
    },
    "the network": {
        "socket", "ssl", "urllib", "http", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc",
        "socketserver", "select", "selectors", "webbrowser", "email", "nntplib",
    },
    "processes and threads": {
        "subprocess", "multiprocessing", "threading", "_thread", "concurrent", "asyncio", "signal", "sched", "pty",
        "faulthandler", "resource", "atexit", "posix",
    },
    "native code and memory": {"ctypes", "_ctypes", "mmap", "gc"},
    "pickles, which run code when they are loaded": {"pickle", "pickletools", "shelve", "marshal", "_pickle"},
    "loading and running other code": {
        "importlib", "imp", "pkgutil", "runpy", "zipimport", "code", "codeop", "builtins", "site", "pdb", "ast", "dis",
    },
    "secrets and unique numbers, which no transition repeats": {"secrets", "uuid"},
}  # fmt: skip

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "cv2": "opencv-python",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
