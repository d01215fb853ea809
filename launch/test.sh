#!/usr/bin/env bash
# Checks form (ruff) and runs the tests, in .venv, made if needed.
#
#   launch/test.sh [--peers] [--python PATH] [PYTEST ARGUMENTS]
#
# For example: launch/test.sh tests/text -k bytes. Python 3.11, 3.12 or 3.13.
# --peers runs, instead of these, tests/interop/peers: ours beside PyTorch,
# diffusers and transformers themselves, installed into .venv-peers if needed;
# with -m "peers and not slow" what takes no more than minutes.
# What one test compiles, the others of the run read; JAX_COMPILATION_CACHE_DIR=DIR
# keeps it for a second run (tests/models then takes half). Not for another
# machine: it may not suit.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python=
peers=0
rest=()
while (($#)); do
  case "$1" in
    --python)
      (($# > 1)) || fail "--python needs the path of a Python."
      python="$2"
      shift 2
      ;;
    --peers)
      peers=1
      shift
      ;;
    -h | --help)
      sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    *)
      rest+=("$1")
      shift
      ;;
  esac
done

# Each worker compiles its own programs; more than four only share memory out.
workers="$(nproc)"
workers="$((workers < 4 ? workers : 4))"
cd "$root"
if ((peers)); then
  make_peers_venv "$python"
  # Without them every test would be skipped, and none would fail.
  "$peers_python" -c "import diffusers, torch, transformers" ||
    fail "the peers in .venv-peers do not run; delete that folder and run this again."
  exec "$peers_python" -m pytest -n "$workers" -m peers tests/interop/peers \
    ${rest[@]+"${rest[@]}"}
fi
make_venv "$python" dev
"$venv_python" -m ruff format --check .
"$venv_python" -m ruff check .
# A file's tests share what they train and compile, so one worker takes them all.
"$venv_python" -m pytest -n "$workers" --dist loadfile --no-loadscope-reorder \
  ${rest[@]+"${rest[@]}"}
