#!/usr/bin/env bash
# Build sdist and wheel, install the wheel into a new environment away from the checkout, and use it as a stranger would.
#   release/try_wheel.sh core     the core alone, with the versions of constraints.txt
#   release/try_wheel.sh lowest   all extras, the lowest versions that pyproject.toml allows, and a part of the suite
#   release/try_wheel.sh newest   all extras, the newest versions there are, and a part of the suite
# PYTHON chooses the Python (an interpreter on this machine). The environment is removed at the end.
set -euo pipefail
kind=${1:?core, lowest or newest}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=$(command -v "${PYTHON:-python3}")

"$python" -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet --disable-pip-version-check build uv
"$work/tools/bin/python" -m build --outdir "$work/dist" "$root" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
wheel=$(echo "$work"/dist/*.whl)
ls -l "$work/dist"
# The tests alone, of the same moment, so that what they import is the wheel and not the checkout.
mkdir "$work/suite"
cp -r "$root/tests" "$root/data" "$root/docs" "$root/pyproject.toml" "$work/suite"

# uv resolves the bounds; it does not read pip's settings, so where pip looks besides the index is handed on.
export UV_FIND_LINKS=${PIP_FIND_LINKS:-} SSL_CERT_FILE=${PIP_CERT:-${SSL_CERT_FILE:-}}
[ -n "$UV_FIND_LINKS" ] || unset UV_FIND_LINKS
[ -n "$SSL_CERT_FILE" ] || unset SSL_CERT_FILE
uv=$work/tools/bin/uv
"$python" -m venv "$work/env"
case $kind in
  core) "$uv" pip install --quiet --python "$work/env/bin/python" --constraint "$root/constraints.txt" "$wheel" ;;
  lowest)
    # Given the wheel, uv takes the wheel alone for what is asked directly, and the newest of everything that it needs.
    "$uv" pip install --quiet --python "$work/env/bin/python" --resolution lowest-direct -r "$root/pyproject.toml" --extra all
    "$uv" pip install --quiet --python "$work/env/bin/python" --no-deps "$wheel"
    bound=$(sed -n 's/^ *"numpy>=\([0-9.]*\)",$/\1/p' "$root/pyproject.toml")
    "$work/env/bin/python" -c "import sys, numpy; sys.exit(not numpy.__version__.startswith('$bound'))" ||
      { echo "numpy is not the lowest that pyproject.toml allows, $bound" >&2; exit 1; }
    ;;
  newest) "$uv" pip install --quiet --python "$work/env/bin/python" --upgrade "$wheel[all]" ;;
  *) echo "core, lowest or newest, not $kind" >&2; exit 2 ;;
esac
du -sh "$work/env" | sed 's|\t.*| in all|'
"$uv" pip check --quiet --python "$work/env/bin/python"

unset PYTHONPATH
mkdir "$work/elsewhere" && cd "$work/elsewhere"
"$work/env/bin/python" "$root/release/smoke.py"

if [ "$kind" != core ]; then
  "$uv" pip install --quiet --python "$work/env/bin/python" pytest hypothesis
  cd "$work/suite"
  # Libraries of other years warn of what later ones changed; what is asserted is the same.
  "$work/env/bin/python" -m pytest -q -p no:cacheprovider -o filterwarnings= -o "addopts=--strict-markers" \
    tests/test_reader.py tests/test_display.py tests/cli/test_options.py tests/cli/test_commands.py \
    tests/scans tests/bigrams tests/corpus/storage tests/corpus/clustering tests/export tests/bilrp/test_explain.py
fi
