#!/usr/bin/env bash
# Packs the extension, with the project's wheel inside, so that server and extension can never disagree on a version.
# Called by `make vsix`, after the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

extension=$(node -p 'require("./package.json").version')
package=$("$PYTHON" -c 'import cwm_engine; print(cwm_engine.__version__)')
if [[ $extension != "$package" ]]; then
    echo "package.json has version $extension, cwm_engine/__init__.py has $package; make them the same." >&2
    exit 1
fi

rm -f extension/dist/*.whl
"$PYTHON" -m pip wheel --quiet --no-deps --wheel-dir extension/dist .
mkdir -p dist
# Links of the README point into the repository, whose pages show them.
pages=https://github.com/code-world-models/code-world-models
vsix=dist/code-world-models-$extension.vsix
said=$(node_modules/.bin/vsce package --no-dependencies --readme-path extension/README.md \
    --baseContentUrl "$pages/blob/main/extension" --baseImagesUrl "$pages/raw/main/extension" \
    --out "$vsix" 2>&1) || { echo "$said" >&2; exit 1; }
echo "$said"
if grep --quiet WARNING <<<"$said"; then
    echo "vsce has warnings, see above; the marketplace shows the extension as it is packed." >&2
    exit 1
fi
size=$(wc -c <"$vsix")
if ((size > 3000000)); then
    echo "$vsix has $size bytes; more than 3 MB means that something is packed which does not belong there." >&2
    exit 1
fi
