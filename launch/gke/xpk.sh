#!/usr/bin/env bash
# Trains on GKE by xpk, on a cluster that xpk made.
#
#   launch/gke/xpk.sh --name NAME --cluster CLUSTER --tpu v5e:16x16
#     --image IMAGE [--slices N] [--zone ZONE] [--project PROJECT]
#     [--max-restarts N] [--dry-run] -- TRAIN ARGUMENTS...
#
# For example:
#   launch/gke/xpk.sh --name base --cluster pods --tpu v5e:16x16 --slices 2 \
#     --image REGION-docker.pkg.dev/PROJECT/lumiere/train:1 -- \
#     --config=configs/base_128.py --workdir=/bucket/base \
#     --config.data.dataset=/bucket/clips
#
# /bucket is there if the cluster has such a storage (`xpk storage attach`). To
# resume, delete the workload (`xpk workload delete`) and run it again. For v4
# and v5p xpk chooses the shape of a slice by its size; jobset.sh lets you.
set -euo pipefail

# shellcheck source=launch/shared.sh
source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"
# shellcheck source=launch/tpu.sh
source "$root/launch/tpu.sh"

name="" cluster="" tpu="" image="" slices=1 zone="" project=""
max_restarts=100 has_arguments=0
while (($#)); do
  case "$1" in
    --name | --cluster | --tpu | --image | --slices | --zone | --project | --max-restarts)
      (($# > 1)) || fail "$1 needs a value."
      flag="${1#--}"
      printf -v "${flag//-/_}" '%s' "$2"
      shift 2
      ;;
    --dry-run)
      dry_run=1
      shift
      ;;
    --)
      has_arguments=1
      shift
      break
      ;;
    -h | --help) usage 17 ;;
    *) fail "$1 is unknown; arguments of \`lumiere train\` stand after --, see launch/gke/xpk.sh --help." ;;
  esac
done
for flag in name cluster tpu image; do
  [[ -n "${!flag}" ]] || fail "--$flag is missing; see launch/gke/xpk.sh --help."
done
[[ "$name" =~ ^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$ ]] ||
  fail "--name is \"$name\"; it is of small letters, digits and hyphens, at most 40, and begins with a letter."
parse_tpu "$tpu"
for flag in slices max_restarts; do
  [[ "${!flag}" =~ ^[0-9]+$ && ("$flag" == max_restarts || "${!flag}" != 0) ]] ||
    fail "--${flag//_/-} is \"${!flag}\"; it is a whole number."
done
((has_arguments && $#)) ||
  fail "there is nothing to train; give the arguments of \`lumiere train\` after --."
((dry_run)) || command -v xpk >/dev/null ||
  fail "xpk is not installed; pip install xpk, or add --dry-run to see the command."

words=(xpk workload create --cluster="$cluster" --workload="$name"
  --tpu-type="$accelerator_type" --num-slices="$slices"
  --docker-image="$image" --max-restarts="$max_restarts")
[[ -z "$zone" ]] || words+=(--zone="$zone")
[[ -z "$project" ]] || words+=(--project="$project")
run "${words[@]}" --command="$(show lumiere train --preempted_code=75 "$@")"
