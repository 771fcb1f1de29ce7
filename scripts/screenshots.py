"""Takes pictures of the end-to-end tests into docs/images, in few colours to keep them small: `make screenshots`."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
TAKEN = ROOT / "tests" / "e2e" / "screenshots"
IMAGES = ROOT / "docs" / "images"
PICTURES = {
    "vscode_check": "diagnostics/wrong",
    "vscode_repair": "synthesize/diff",
    "vscode_search_tree": "synthesize/search-tree",
    "vscode_trajectories": "trajectories/wrong-step",
    "vscode_grids": "trajectories/grids",
    "vscode_tests": "testing/difference",
}
"""By the name they get, the picture that a test leaves."""


def main() -> None:
    """Write all pictures, or say which test has to be run first."""
    missing = [source for source in PICTURES.values() if not (TAKEN / f"{source}.png").is_file()]
    if missing:
        sys.exit(f"there is no picture {', '.join(missing)}: run the end-to-end tests first")
    for name, source in PICTURES.items():
        with Image.open(TAKEN / f"{source}.png") as picture:
            few = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
