#!/usr/bin/env bash
# The main job from beginning to end, in the scratch folder demo/: record, describe, check, fix, search, check again.
# Run it with `make demo`; every command is printed before it runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bold='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }

# run STATUS COMMAND...: print the command, run it, and stop the demo unless it ends with STATUS.
run() {
    local expected=$1 status=0
    shift
    printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@" || status=$?
    if [[ $status != "$expected" ]]; then
        printf 'demo: this should have ended with %s, not with %s\n' "$expected" "$status" >&2
        exit 1
    fi
}

rm -rf demo
mkdir -p demo/models
cd demo
export CWM_RUNS=runs

say "Record what really happens, from Gymnasium."
run 0 cwm record CartPole-v1 --episodes 60 --starts spread --max-steps 50 --output trajectories/cartpole.sqlite
run 0 cwm record Taxi-v4 --episodes 30 --policy ../examples/taxi/driver.py:drive --output trajectories/taxi.sqlite

say "Is the data sound?"
run 0 cwm describe trajectories/taxi.sqlite

say "A Taxi with one mistake and a CartPole with two: where are they? Models and data are matched by their names."
cp ../examples/taxi/taxi_broken.py models/taxi.py
cp ../examples/cartpole/cartpole_two_faults.py models/cartpole.py
run 1 cwm check models

say "One edit repairs the Taxi: write it to the file."
run 0 cwm check models/taxi.py --fix

say "The CartPole takes more than one: search for a program that is right, with no language model and no network."
run 0 cwm synthesize models/cartpole.py --write

say "What was tried?"
run 0 cwm show

say "And check what is in the files now."
run 0 cwm check models

say "The scratch folder demo/ has the models, the trajectories and the search; examples/ has more to try."
