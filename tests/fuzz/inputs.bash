# shellcheck shell=bash
# Which inputs belong to which target, for those who fuzz and who replay.  In the repository's root.

# The names in targets.c.
fuzz_targets() { sed -n 's/.*{"\([a-z_]*\)", fuzz_[a-z_]*}.*/\1/p' tests/fuzz/targets.c; }

# fuzz_folders TARGET: its seeds, what was found, and the bad files of its format.
fuzz_folders() {
  local folder bad=$1
  case $1 in
  arpa_form) bad=arpa ;;
  row) bad=rows ;;
  model | checkpoint) bad=safetensors ;;
  sentences | stream) bad=text ;;
  esac
  for folder in "tests/fuzz/seeds/$1" "tests/fuzz/found/$1" "tests/bad_inputs/$bad"; do
    [ ! -d "$folder" ] || echo "$folder"
  done
}
