#!/usr/bin/env bash
# Checks form (ruff, shellcheck) and runs the tests, in .venv, made if needed.
#
#   launch/test.sh [--python PATH] [PYTEST ARGUMENTS]
#
# For example: launch/test.sh tests/text -k bytes. Python 3.11, 3.12 or 3.13.
# JAX_COMPILATION_CACHE_DIR=DIR makes a second run cheaper (tests/models half);
# it is not set here: programs kept on one machine may not suit another.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python=
rest=()
while (($#)); do
  case "$1" in
    --python)
      (($# > 1)) || fail "--python needs the path of a Python."
      python="$2"
      shift 2
      ;;
    -h | --help)
      sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    *)
      rest+=("$1")
      shift
      ;;
  esac
done

make_venv "$python" dev
cd "$root"
"$venv_python" -m ruff format --check .
"$venv_python" -m ruff check .
"$root/.venv/bin/shellcheck" -x launch/*.sh launch/*/*.sh .ci/run
# Each worker compiles its own programs; more than four only share memory out.
workers="$(nproc)"
"$venv_python" -m pytest -n "$((workers < 4 ? workers : 4))" \
  ${rest[@]+"${rest[@]}"}
