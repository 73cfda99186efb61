#!/usr/bin/env bash
# What the tests that need no server miss: changes the session and the renderer in one place at a time, in a sample of places, and runs
# the tests on each change: first those of `selfsame`, and on what they let pass the conformance suite on SQLite.
#
#     ci/mutants.sh [COUNT [SEED [OPTION OF cargo mutants …]]]      150 changes, seed 1
#
# The same seed picks the same changes of the same code. Works on a copy of the sources (`--in-place`: on the sources themselves). Needs
# cargo-mutants; leaves its logs in target/mutants, and what survived in target/mutants/survived.txt. Exit code 1 if fewer than
# 95 in a hundred were caught.
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:-150}
seed=${2:-1}
options=("${@:3}")
out=${CARGO_TARGET_DIR:-target}/mutants
rm -rf "$out"
mkdir -p "$out"
# Without what tells lines of failed tests, each change is built in half the time.
export CARGO_PROFILE_DEV_DEBUG=0

# Not the mistakes that are planted on purpose, not what is printed for people who debug, and not how much room a text is given at first.
# What deletes a field of a struct with defaults cannot be left out by name: it comes along, sampled or not.
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

# Runs the tests on each change of a list: a name, a file with the changes, and what tells `cargo test` which tests.
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
    # 2: a change survived; 3: a change ran into the time limit.
    [[ $code == 0 || $code == 2 || $code == 3 ]] || exit "$code"
}

lines() { cat "$@" | wc -l; }

sample >"$out/sample.txt"
judge tests "$out/sample.txt" --test-package selfsame -- --lib --test session --test derive --test pending_relations
first=$out/tests/mutants.out
survived=$first/missed.txt
: >"$out/survived.txt"
if [ -s "$survived" ]; then
    judge suite "$survived" --test-package selfsame-sqlite -- --test conformance
    # What came along is judged again, caught or not.
    grep -Fxf "$survived" "$out/suite/mutants.out/missed.txt" >"$out/survived.txt" || true
fi

unviable=$(lines "$first/unviable.txt")
viable=$(($(lines "$first"/{caught,missed,timeout}.txt)))
missed=$(lines "$out/survived.txt")
printf '\n%d changes that compile, seed %s (%d do not): %d caught, %d in a hundred\n' \
    "$viable" "$seed" "$unviable" $((viable - missed)) $((100 * (viable - missed) / viable))
sed 's/^/survived: /' "$out/survived.txt"
((100 * (viable - missed) >= 95 * viable))
