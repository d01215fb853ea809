#!/usr/bin/env bash
# Every application once, on one clip: what docs/applications.md shows.
#
#   launch/applications.sh [--video FILE.mp4] [--prompt TEXT] [--out DIR]
#                          [--weights DIR] [--sheets DIR] [--python PATH]
#
# Without a clip of yours, one of the toybox is rendered, which no weights were
# trained on. Its first and last frames are the pictures that are animated. In
# DIR are an mp4, its stills and its record for each; --sheets copies the stills
# there. About ten minutes on two cores.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python="" video="" out=out/applications weights=nano sheets=""
prompt="" rendered="a blue ball rolls to the right on the grass"
while (($#)); do
  case "$1" in
    --python | --video | --prompt | --out | --weights | --sheets)
      (($# > 1)) || fail "$1 needs a value."
      case "$1" in
        --python) python="$2" ;;
        --video) video="$2" ;;
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
[[ -z "$video" || -n "$prompt" ]] || fail "say what $video shows: --prompt TEXT."

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

"$venv_python" - "$video" "$out" "${prompt:-$rendered}" <<'PYTHON'
import pathlib
import sys

from lumiere_jax.toybox import scene as scenes
from lumiere_jax.toybox import render
from lumiere_jax.video import read
from lumiere_jax.video import write

video, out = sys.argv[1], pathlib.Path(sys.argv[2])
if not video:
  ball = scenes.Thing(
    shape="ball", color="blue", material="matte", size="large"
  )
  scene = scenes.Scene(
    things=(ball,), action="rolls right", camera="still", ground="grass",
    sky="day", seed=1,
  )
  video = out / "clip.mp4"
  write.write_mp4(video, render.footage(scene, 128).frames, 16.0)
frames = read.decode(video, num_frames=80, fps=16.0, hold=True)
write.write_png(out / "first.png", frames[0])
write.write_png(out / "last.png", frames[-1])
PYTHON
clip="${video:-$out/clip.mp4}" prompt="${prompt:-$rendered}"
first="$out/first.png" last="$out/last.png"
[[ -z "$sheets" ]] || mkdir -p "$sheets"

said=(--prompt "$prompt")
paint animate --image "$first" "${said[@]}"
paint keyframes --keyframe "0=$first" --keyframe "-1=$last" "${said[@]}"
paint inpaint --video "$clip" --mask box=32,32,96,112 \
  --prompt "a red cube stands still on the grass"
paint outpaint --video "$clip" --aspect 16:9 "${said[@]}"
paint cinemagraph --image "$first" --mask box=0,32,127,127 "${said[@]}"
paint extend --video "$clip" --seconds 10 "${said[@]}"
paint edit --video "$clip" --strength 0.7 \
  --prompt "a red ball rolls to the right on the grass"
paint upscale --video "$clip"
