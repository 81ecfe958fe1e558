#!/usr/bin/env bash
# Every kept input of the fuzzers, seeds, what was found, and the bad files of the formats, through its target, without
# libFuzzer: taken or refused, no crash, no hang; the good ones taken.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"
cd "$BILLIONWORD_HOME"
. tests/fuzz/inputs.bash

inputs=0
mapfile -t targets < <(fuzz_targets)
[ "${#targets[@]}" -ge 22 ] || fail "only ${#targets[@]} targets were found"
for target in "${targets[@]}"; do
  [ -d "tests/fuzz/seeds/$target" ] || fail "the target $target has no seeds"
  mapfile -t folders < <(fuzz_folders "$target")
  mapfile -t files < <(find "${folders[@]}" -type f | sort)
  "$BIN/../fuzz/replay" "$target" "${files[@]}" || fail "$target"
  inputs=$((inputs + ${#files[@]}))
done
echo "$inputs inputs of ${#targets[@]} targets"
[ "$inputs" -ge 400 ] || fail "only $inputs inputs were found"
