#!/usr/bin/env bash
# Trains the nano weights from nothing: renders the world, then all stages.
#
#   launch/nano.sh [--out DIR] [--cache DIR] [--until STAGE] [--device gpu]
#                  [--python PATH]
#
# Hours; not yet measured whole. What is there already is not made again, so
# the same command goes on where it was stopped. STAGE is one of text, t2i,
# base, conditional, ssr, judge, judge128, weights. With --device gpu batches
# are larger, steps more, and clips are rendered by the accelerator, endlessly,
# so that nothing is in the cache; base is passed over, since conditional learns
# what it would. At the end DIR/weights holds what ships as "nano", in bfloat16,
# at most 32 MB: the conditional network goes as the base, since it is that
# where nothing is given.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python="" out="$PWD/out/nano" cache="$PWD/cache/nano" until=weights device=cpu
while (($#)); do
  case "$1" in
    --python | --out | --cache | --until | --device)
      (($# > 1)) || fail "$1 needs a value."
      case "$1" in
        --python) python="$2" ;;
        --out) out="$2" ;;
        --cache) cache="$2" ;;
        --until) until="$2" ;;
        --device) device="$2" ;;
      esac
      shift 2
      ;;
    -h | --help)
      sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    *) fail "$1 is unknown; see launch/nano.sh --help." ;;
  esac
done
case "$until" in
  text | t2i | base | conditional | ssr | judge | judge128 | weights) ;;
  *) fail "--until is \"$until\"; it is one of text, t2i, base, conditional, ssr, judge, judge128, weights." ;;
esac

case "$device" in
  cpu | gpu) ;;
  *) fail "--device is \"$device\"; it is cpu or gpu." ;;
esac

make_venv "$python" ""
mkdir -p "$out" "$cache"
out="$(cd "$out" && pwd)" cache="$(cd "$cache" && pwd)"
cd "$root"
lumiere() { "$venv_python" -m lumiere_jax.cli.main "$@"; }
say() { printf '\n== %s\n' "$*"; }
ends() { [[ "$until" != "$1" ]] || exit 0; }

render() { # NAME SIZE CLIPS FRAMES [SPLIT]
  # The accelerator renders for itself.
  [[ "$device" == cpu ]] || return 0
  say "render $1"
  [[ -f "$cache/$1/manifest.json" ]] ||
    lumiere toybox --out "$cache/$1" --size "$2" --num-clips "$3" \
      --num-frames "$4" --split "${5:-train}"
}
embed() { # NAME
  # What is rendered by the accelerator is read by the text encoder there.
  [[ "$device" == cpu ]] || return 0
  say "embed $1"
  [[ -f "$cache/words-$1/encoder.json" ]] ||
    lumiere embed --weights "$out/text" --dataset "$cache/$1" \
      --out "$cache/words-$1"
}
clips() { # NAME SIZE[?split=SPLIT]: what is seen, and how captions are read
  if [[ "$device" == gpu ]]; then
    seen="--config.data.dataset=toybox:$2" clips=("$seen")
  else
    seen="--config.data.dataset=$cache/$1"
    clips=("$seen" "--config.data.embeddings=$cache/words-$1")
  fi
}
train() { # STAGE FLAGS
  local stage="$1"
  shift
  say "train $stage: $out/$stage"
  lumiere train "--config=configs/nano.py:$stage$variant" \
    "--workdir=$out/$stage" "$@"
}

variant=""
[[ "$device" == cpu ]] || variant=",gpu"

train text
ends text
# Images need no clips, and stills render ten times as fast.
render stills32 32 12000 8
embed stills32
clips stills32 32
train t2i "${clips[@]}" "--config.init_from=$out/text"
ends t2i
render toys32 32 8000 80
embed toys32
clips toys32 32
before="$out/t2i"
if [[ "$device" == cpu || "$until" == base ]]; then
  train base "${clips[@]}" "--config.init_from=$before"
  before="$out/base"
fi
ends base
if [[ "$device" == gpu ]]; then
  # What differs in one word, at one time and in one noise, teaches that word.
  clips toys32 "32?split=twins"
  clips+=("--config.data.together=2")
fi
train conditional "${clips[@]}" "--config.init_from=$before"
ends conditional
render toys128 128 2000 80
embed toys128
clips toys128 128
train ssr "${clips[@]}" "--config.init_from=$out/text"
ends ssr
# It is to know what clips of prompts with new pairs may show, so that it is
# taught such pairs, which no network that paints has seen.
render pairs32 32 4000 80 all_pairs
clips pairs32 "32?split=all_pairs"
train judge "$seen"
ends judge
render pairs128 128 1000 80 all_pairs
clips pairs128 "64?split=all_pairs"
train judge128 "$seen"
ends judge128

say "export $out/weights"
export_as() { # STAGE NAME
  local file="$out/weights/$2.safetensors"
  [[ -f "$file" ]] ||
    lumiere checkpoint export "$out/$1" --out "$file" --dtype bfloat16
}
export_as conditional base
for stage in ssr judge judge128; do
  export_as "$stage" "$stage"
done
du -cb "$out/weights"/*.safetensors
