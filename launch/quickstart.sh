#!/usr/bin/env bash
# Text in, video out, on this machine, with the weights that ship.
#
#   launch/quickstart.sh [--out FILE.mp4] [--seed N] [--python PATH] [PROMPT]
#
# For example: launch/quickstart.sh "a shiny red ball bounces on the grass"
# Installs into .venv the first time, then makes 5 seconds of PROMPT: an mp4,
# a page of stills (.png) and the record from which the same pixels are made
# again (.json). Ground, sky and camera are chosen by the seed where PROMPT says
# nothing of them. What the weights know: docs/toybox.md. Linux, 2 cores, 4 GiB,
# Python 3.11, 3.12 or 3.13.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python="" out="" seed=0 prompt=""
while (($#)); do
  case "$1" in
    --python | --out | --seed)
      (($# > 1)) || fail "$1 needs a value."
      case "$1" in
        --python) python="$2" ;;
        --out) out="$2" ;;
        --seed) seed="$2" ;;
      esac
      shift 2
      ;;
    -h | --help)
      sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    -*) fail "$1 is unknown; see launch/quickstart.sh --help." ;;
    *)
      [[ -z "$prompt" ]] || fail "one PROMPT only, got \"$prompt\" and \"$1\"; quote it."
      prompt="$1"
      shift
      ;;
  esac
done
[[ "$seed" =~ ^[0-9]+$ ]] || fail "--seed is \"$seed\"; it is a whole number from 0."
[[ -z "$out" || "$out" == *.mp4 ]] || fail "--out is \"$out\"; it is a file that ends in .mp4."
prompt="${prompt:-a shiny red ball bounces on the grass while the camera zooms in}"
if [[ -z "$out" ]]; then
  # Called after what it shows, so that the next prompt does not replace it.
  name="$(tr -cs '[:alnum:]' - <<<"${prompt:0:60}")"
  name="${name#-}"
  out="out/quickstart/${name%-}-$seed.mp4"
fi

make_venv "$python" ""
mkdir -p "$(dirname "$out")" 2>/dev/null ||
  fail "$(dirname "$out") cannot be made; give another file with --out FILE.mp4."
# What a prompt leaves open would change within the clip: these weights are young.
"$venv_python" -m lumiere_jax.cli.main sample \
  --complete --prompt "$prompt" --seed "$seed" --out "$out" --overwrite
