#!/usr/bin/env bash
# Compiles the rows of docs/scale.md, and writes the page.
#
#   ./launch/scale.sh                 all rows that are not there yet
#   ./launch/scale.sh base_v5e_256    one row again
#
# Each row is a file in docs/scale/. A row takes minutes on two cores; what is
# finished is kept when this is stopped.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${LUMIERE_PYTHON:-.venv/bin/python}"

# name, then flags of `lumiere plan`.
rows() {
  local base=--config=configs/base_128.py ssr=--config=configs/ssr_1024.py
  local t2i=--config=configs/t2i_128.py
  local if=--config=configs/if_64.py if_ssr=--config=configs/if_ssr_256.py
  cat <<ROWS
base_v5e_256 $base --topology=v5e:16x16
ssr_v5e_256 $ssr --topology=v5e:16x16
base_sample_v5e_8 $base --topology=v5e:2x4 --program=sample --config.mesh.fsdp=2
ssr_sample_v5e_8 $ssr --topology=v5e:2x4 --program=sample --config.mesh.fsdp=8
base_v5p_128 $base --topology=v5p:4x4x8 --config.data.global_batch=32
base_v6e_256 $base --topology=v6e:16x16
base_sample_v6e_8 $base --topology=v6e:2x4 --program=sample --config.mesh.fsdp=2
ssr_sample_v6e_8 $ssr --topology=v6e:2x4 --program=sample --config.mesh.fsdp=8
base_v5p_64 $base --topology=v5p:4x4x4 --config.data.global_batch=16
base_v5p_2048 $base --topology=v5p:8x16x16 --config.data.global_batch=512
xl_v5p_512 $base:xl --topology=v5p:8x8x8 --config.data.global_batch=128
base_v5p_1 $base --topology=v5p:1x1x1 --config.mesh.fsdp=1 --config.mesh.frames=1 --config.data.global_batch=1
base_v5p_4 $base --topology=v5p:2x2x1 --config.mesh.fsdp=1 --config.data.global_batch=1
base_v5p_2_slices $base --topology=v5p:4x4x4 --slices=2 --config.data.global_batch=32
t2i_v5e_256 $t2i --topology=v5e:16x16
base_v4_64 $base --topology=v4:4x4x4 --config.data.global_batch=16
t5_xxl_v5e_8 $if --topology=v5e:2x4 --program=embed
if_ssr_l_v5e_256 $if_ssr:l --topology=v5e:16x16 --config.data.global_batch=256
if_xl_v5p_64 $if:xl --topology=v5p:4x4x4 --config.data.global_batch=16
if_l_v5e_256 $if:l --topology=v5e:16x16
base_tpu7x_64 $base --topology=tpu7x:4x4x4 --config.data.global_batch=32
ROWS
}

mkdir -p docs/scale
rows | while read -r name flags; do
  out="docs/scale/$name.json"
  if [[ $# -gt 0 ]]; then
    [[ " $* " == *" $name "* ]] || continue
  elif [[ -e $out ]]; then
    continue
  fi
  echo "== $name"
  # shellcheck disable=SC2086
  "$python" -m lumiere_jax.cli.plan $flags --out="$out" </dev/null
done
"$python" -m lumiere_jax.cli.plan --table=docs/scale
