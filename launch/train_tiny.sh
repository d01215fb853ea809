#!/usr/bin/env bash
# The whole path on this machine: real clips in, an mp4 out.
#
#   launch/train_tiny.sh [--source DIR] [--out DIR] [--python PATH]
#     [--mesh DATA,FSDP,FRAMES] [PROMPT]
#
# Trains the tiny recipes (configs/tiny.py) for a few dozen steps on the clips
# in DIR, or on three that launch/real_clips.sh fetches, and samples PROMPT, or
# the first clip's caption. So short a training shows that everything works and
# gives nothing to look at. Each clip in DIR needs a caption: clip.txt beside
# clip.mp4. Run it again to go on where it was stopped. Python 3.11, 3.12, 3.13.
# --mesh 2,2,2 does the same on 8 simulated devices, DATA x FSDP clips a step.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/venv.sh
source "$here/venv.sh"

python="" given="" out="" prompt="" mesh=""
while (($#)); do
  case "$1" in
    --python | --source | --out | --mesh)
      (($# > 1)) || fail "$1 needs a value."
      case "$1" in
        --python) python="$2" ;;
        --source) given="$2" ;;
        --out) out="$2" ;;
        --mesh) mesh="$2" ;;
      esac
      shift 2
      ;;
    -h | --help)
      sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    -*) fail "$1 is unknown; see launch/train_tiny.sh --help." ;;
    *)
      [[ -z "$prompt" ]] || fail "one PROMPT only, got \"$prompt\" and \"$1\"; quote it."
      prompt="$1"
      shift
      ;;
  esac
done
if [[ -n "$given" ]]; then
  [[ -d "$given" ]] || fail "there is no folder $given; give one of captioned clips with --source DIR."
  given="$(cd "$given" && pwd)"
fi
if [[ -n "$out" ]]; then
  mkdir -p "$out" 2>/dev/null || fail "$out cannot be made; give another folder with --out DIR."
  out="$(cd "$out" && pwd)"
fi

mesh_flags=()
if [[ -n "$mesh" ]]; then
  [[ "$mesh" =~ ^[1-9][0-9]*,[1-9][0-9]*,[1-9][0-9]*$ ]] ||
    fail "--mesh is \"$mesh\"; it is three sizes, DATA,FSDP,FRAMES, for example 2,2,2."
  IFS=, read -r data fsdp frames <<<"$mesh"
  export JAX_PLATFORMS=cpu
  export XLA_FLAGS="${XLA_FLAGS:-} --xla_force_host_platform_device_count=$((data * fsdp * frames))"
  # XLA narrates how it moves what the mesh cuts in two ways.
  export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-2}"
  mesh_flags=("--config.mesh.data=$data" "--config.mesh.fsdp=$fsdp"
    "--config.mesh.frames=$frames" "--config.data.global_batch=$((data * fsdp))")
fi

make_venv "$python" ""
cd "$root"
lumiere() { "$venv_python" -m lumiere_jax.cli.main "$@"; }
say() { printf '\n== %s\n' "$*"; }

say "clips"
source="$given"
if [[ -z "$source" ]]; then
  source=cache/clips/real
  ./launch/real_clips.sh --python "$venv_python" "$source"
fi

# Other clips or captions make another dataset and another run.
digest="$("$venv_python" - "$source" <<'DIGEST'
import hashlib
import pathlib
import sys

folder, total = pathlib.Path(sys.argv[1]), hashlib.sha256()
for path in sorted(p for p in folder.rglob("*") if p.is_file()):
  is_text = path.suffix in (".txt", ".csv", ".tsv", ".jsonl")
  seen = path.read_bytes() if is_text else path.stat().st_size
  total.update(f"{path.relative_to(folder)} {seen}\n".encode())
print(total.hexdigest()[:12])
DIGEST
)"
dataset="cache/datasets/tiny-$digest"
# So does another recipe: a run goes on only by the recipe that it began with.
recipe="$(cksum <configs/tiny.py)"
out="${out:-$root/out/tiny-$digest-${recipe%% *}${mesh:+-mesh-$mesh}}"

say "prepare: $dataset"
if [[ -f "$dataset/manifest.jsonl" ]]; then
  echo "it is there already"
else
  lumiere prepare --source "$source" --out "$dataset" \
    --short-side 128 --short hold
fi

train() {
  local stage="$1"
  shift
  say "train $stage: $out/$stage"
  lumiere train "--config=configs/tiny.py:$stage" \
    "--workdir=$out/$stage" "--config.data.dataset=$dataset" \
    ${mesh_flags[@]+"${mesh_flags[@]}"} "$@"
}
train t2i
train base "--config.init_from=$out/t2i"
train ssr "--config.init_from=$out/t2i"

if [[ -z "$prompt" ]]; then
  prompt="$("$venv_python" -c '
import json
import sys

print(json.loads(open(sys.argv[1], encoding="utf-8").readline())["caption"])
' "$dataset/manifest.jsonl")"
fi
say "sample: $prompt"
# The guard refuses frames that are noise, as after so few steps they may be.
lumiere sample --weights "$out" --prompt "$prompt" \
  --out "$out/clip.mp4" --overwrite --no-guard

say "done: the video, and its contact sheet"
echo "$out/clip.mp4"
echo "$out/clip.png"
