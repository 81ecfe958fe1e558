#!/usr/bin/env bash
# tools/compare_pytorch, with a stand-in for Python that answers as tools/compare_pytorch.py does.
. "$BILLIONWORD_HOME/tests/cli/lib.sh"

compare=$BILLIONWORD_HOME/tools/compare_pytorch
cat >python <<'END'
#!/usr/bin/env bash
[ "$1" != -c ] || exit "${WITHOUT_TORCH:-0}"
[ "${COUNT:-}" ] || { echo "no memory" >&2 && exit 1; }
echo "$@" >>"$(dirname "$0")/asked"
printf '9.9\t%s\tone way\tanother way\n' "$COUNT"
while read -r _; do printf '100 50\n'; done
END
chmod +x python
export PAIRS=2 SECONDS_EACH=0.01 THREADS=1

fails_with 2 "*PYTHON is not given*" env -u PYTHON "$compare" adaptive
fails_with 2 "*there is no such program*" env PYTHON="$PWD/none" "$compare" adaptive
fails_with 2 "*cannot import torch*" env PYTHON="$PWD/python" WITHOUT_TORCH=1 "$compare" adaptive
fails_with 2 "*there is no setting lstm*" env PYTHON="$PWD/python" "$compare" lstm
fails_with 1 "*no memory*PyTorch could not train adaptive*" env PYTHON="$PWD/python" "$compare" adaptive
fails_with 1 "*parameters, PyTorch's 17*" env PYTHON="$PWD/python" COUNT=17 "$compare" adaptive

# 33,001 x 256 of the embedding, the LSTM's, the head's 4,002 x 256 and two clusters'.
count=$((33001 * 256 + 4 * 256 * 513 + 4002 * 256 + 64 * (256 + 12000) + 16 * (256 + 17000)))
COUNT=$count PYTHON=$PWD/python "$compare" adaptive >table 2>said || fail "$(cat table said)"
tail -n 1 asked | grep -q -- '--hidden 256 --words 33000 --softmax adaptive --batch 128 --bptt 20 --threads 1' || fail "$(cat asked)"
awk -F'\t' 'NF != 6 && !/^#/' table | grep . && fail "not six columns"
[ "$(grep -c '' table)" = 7 ] || fail "$(cat table)"
awk -F'\t' '$5 == "PyTorch" { a = $3 / 100 / $6 } $5 ~ /oneDNN/ { b = $3 / 50 / $6 }
  END { exit !(a > 0.99 && a < 1.01 && b > 0.99 && b < 1.01) }' table || fail "$(cat table)"
