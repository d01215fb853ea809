#!/usr/bin/env bash
# Trains every stage of configs/tiny.py on one real clip until it is remembered,
# then measures how well.
#
#   launch/overfit.sh [--python PATH] [--out DIR] [--steps T2I,BASE,SSR]
#
# Writes DIR/reconstruction.json (PSNR of the base's output, motion ratio) and
# DIR/seams/ (jumps at the borders of windows, with and without MultiDiffusion).
# Stop it whenever you like: run again, it continues where it was.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
python="$root/.venv/bin/python"
out="out/overfit"
steps="1200,2200,700"

fail() {
  echo "error: $*" >&2
  exit 2
}

while (($#)); do
  case "$1" in
    --python | --out | --steps)
      (($# > 1)) || fail "$1 needs a value."
      declare "${1#--}=$2"
      shift 2
      ;;
    -h | --help)
      sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    *) fail "$1 is unknown; use --python, --out or --steps." ;;
  esac
done
[[ -x "$python" ]] ||
  fail "$python is not there; run ./launch/quickstart.sh once, or give --python PATH."
IFS=, read -r t2i base ssr <<<"$steps"
cd "$root"

lumiere() { "$python" -m lumiere_jax.cli.main "$@"; }

train() {
  lumiere train --config="configs/tiny.py:$1" --workdir="$out/$1" \
    --config.data.dataset="$out/dataset" --config.data.place=centre \
    --config.data.flip=false --config.num_steps="$2" \
    --config.optimizer.decay=cosine \
    --config.optimizer.ema_decay=0.995 --config.diffusion.text_dropout=0 \
    --config.every.log=50 \
    --config.every.checkpoint=250 "${@:3}"
}

if [[ ! -d "$out/dataset" ]]; then
  "$here/real_clips.sh" --python "$python" "$out/real_clips"
  mkdir -p "$out/one_clip"
  cp "$out/real_clips/bigbuckbunny.mp4" "$out/one_clip/"
  grep -E '^(file_name|bigbuckbunny)' "$out/real_clips/metadata.csv" \
    >"$out/one_clip/metadata.csv"
  lumiere prepare --source "$out/one_clip" --out "$out/dataset" --short-side 128
fi
caption="$("$python" -c 'import csv, sys
print(next(csv.DictReader(open(sys.argv[1])))["caption"])' "$out/one_clip/metadata.csv")"

train t2i "$t2i" --config.every.preview=500
train base "$base" --config.init_from="$out/t2i" --config.data.frames=first \
  --config.every.preview=500
train ssr "$ssr" --config.init_from="$out/t2i"

lumiere sample --weights "$out" --prompt "$caption" --out "$out/clip.mp4" \
  --guidance-scale 1 --overwrite --save-frames
lumiere evaluate reconstruction --weights "$out/base" --prompt "$caption" \
  --guidance-scale 1 --video "$out/one_clip/bigbuckbunny.mp4" \
  --out "$out/reconstruction.json"
lumiere evaluate seams --weights "$out" --prompt "$caption" --out "$out/seams"
