#!/usr/bin/env bash
# Every application once, on one clip: what docs/applications.md shows.
#
#   launch/applications.sh [--out DIR] [--sheets DIR] [--weights DIR]
#     [--video FILE.mp4 --first FILE.png --last FILE.png --prompt TEXT]
#     [--python PATH]
#
# Without a clip of yours, one of the toybox is rendered that no weights were
# trained on, and its first and last frame. In DIR are an mp4, its stills and its
# record for each; --sheets copies the stills there. Minutes on two cores.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python="" video="" first="" last="" out=out/applications weights=nano sheets=""
prompt="a big shiny yellow ball rolls to the left on the asphalt, the camera is still"
while (($#)); do
  case "$1" in
    --python | --video | --first | --last | --prompt | --out | --weights | --sheets)
      (($# > 1)) || fail "$1 needs a value."
      case "$1" in
        --python) python="$2" ;;
        --video) video="$2" ;;
        --first) first="$2" ;;
        --last) last="$2" ;;
        --prompt) prompt="$2" ;;
        --out) out="$2" ;;
        --weights) weights="$2" ;;
        --sheets) sheets="$2" ;;
      esac
      shift 2
      ;;
    -h | --help)
      sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    *) fail "$1 is unknown; see launch/applications.sh --help." ;;
  esac
done
[[ -z "$video" || -f "$video" ]] || fail "there is no clip $video."
[[ -z "$video" || (-f "$first" && -f "$last") ]] ||
  fail "give pictures of the clip's beginning and end with --first and --last."
make_venv "$python" ""
mkdir -p "$out"
paint() { # APPLICATION FLAGS
  local name="$1"
  shift
  printf '\n== %s\n' "$name"
  "$venv_python" -m lumiere_jax.cli.main "$name" --weights "$weights" \
    --out "$out/$name.mp4" --overwrite "$@"
  [[ -z "$sheets" ]] || cp "$out/$name.png" "$sheets/$name.png"
}

if [[ -z "$video" ]]; then
  "$venv_python" -m lumiere_jax.cli.main toybox --split test --first 710 \
    --num-clips 1 --size 128 --out "$out/toys" --films "$out" --overwrite
  video="$out/test_000710.mp4"
  first="$out/test_000710_first.png" last="$out/test_000710_last.png"
fi
[[ -z "$sheets" ]] || mkdir -p "$sheets"

said=(--prompt "$prompt")
paint animate --image "$first" "${said[@]}"
paint keyframes --keyframe "0=$first" --keyframe "-1=$last" "${said[@]}"
paint inpaint --video "$video" --mask box=32,32,96,112 \
  --prompt "a red cube stands still on the asphalt"
paint outpaint --video "$video" --aspect 16:9 "${said[@]}"
paint cinemagraph --image "$first" --mask box=0,32,127,127 "${said[@]}"
paint extend --video "$video" --seconds 10 "${said[@]}"
paint edit --video "$video" --strength 0.7 \
  --prompt "a red ball rolls to the left on the asphalt"
paint upscale --video "$video"
