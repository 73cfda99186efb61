#!/usr/bin/env bash
# Mutation testing of the session and the renderer, with the tests that need no server: applies a sample of mutations, one at a time, and runs
# first the tests of `selfsame`, then, on the mutants that survive, the conformance suite on SQLite.
#
#     ci/mutants.sh [COUNT [SEED [OPTION OF cargo mutants …]]]      150 mutants, seed 1
#
# The same seed picks the same mutants of the same code. Works on a copy of the sources (`--in-place`: on the sources themselves). Needs
# cargo-mutants; writes logs to target/mutants and the survivors to target/mutants/survived.txt. Exits with 1 if fewer than
# 95 % were caught.
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:-150}
seed=${2:-1}
options=("${@:3}")
out=${CARGO_TARGET_DIR:-target}/mutants
rm -rf "$out"
mkdir -p "$out"
# Without debug information each mutant builds in half the time.
export CARGO_PROFILE_DEV_DEBUG=0

# Leaves out planted faults, `Debug` output and initial capacities of strings. Mutants that delete a field of a struct with defaults cannot be
# excluded by name: they run whether sampled or not.
from=(
    --package selfsame
    --file orm/src/session.rs --file 'orm/src/session/**' --file orm/src/render.rs --file 'orm/src/render/**'
    --exclude '**/tests.rs' --exclude-re 'impl Debug' --skip-calls text
)

sample() {
    local name
    cargo mutants --no-config --list "${from[@]}" |
        while IFS= read -r name; do
            printf '%s %s\n' "$(printf '%s %s' "$seed" "$name" | sha256sum | cut -c -16)" "$name"
        done | sort | sed -n "1,${count}p" | cut -d ' ' -f 2-
}

# Runs tests on each mutant of a list. Arguments: a name, the file with the list, and options that select the tests.
judge() {
    local name=$1 changes=$2 code=0
    {
        echo 'examine_re = ['
        sed 's/[][\.*^$+?(){}|]/\\&/g; s/.*/    '"'''^&\$'''"',/' "$changes"
        echo ']'
    } >"$out/$name.toml"
    shift 2
    cargo mutants --config "$out/$name.toml" --output "$out/$name" --no-shuffle "${from[@]}" \
        ${options[@]+"${options[@]}"} "$@" || code=$?
    # 2: a mutant survived; 3: a mutant timed out.
    [[ $code == 0 || $code == 2 || $code == 3 ]] || exit "$code"
}

lines() { cat "$@" | wc -l; }

sample >"$out/sample.txt"
judge tests "$out/sample.txt" --test-package selfsame -- --lib --test session --test rendering --test engine --test derive --test pending_relations
first=$out/tests/mutants.out
survived=$first/missed.txt
: >"$out/survived.txt"
if [ -s "$survived" ]; then
    judge suite "$survived" --test-package selfsame-sqlite -- --test conformance
    # Leave out the mutants that were not sampled.
    grep -Fxf "$survived" "$out/suite/mutants.out/missed.txt" >"$out/survived.txt" || true
fi

unviable=$(lines "$first/unviable.txt")
viable=$(($(lines "$first"/{caught,missed,timeout}.txt)))
missed=$(lines "$out/survived.txt")
printf '\n%d mutants that compile, seed %s (%d do not): %d caught, %d %%\n' \
    "$viable" "$seed" "$unviable" $((viable - missed)) $((100 * (viable - missed) / viable))
sed 's/^/survived: /' "$out/survived.txt"
((100 * (viable - missed) >= 95 * viable))
