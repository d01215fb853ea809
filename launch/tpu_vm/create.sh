#!/usr/bin/env bash
# Asks for TPU machines, as a queued resource of Google Cloud.
#
#   launch/tpu_vm/create.sh --name NAME --zone ZONE --tpu v5e:16x16
#     [--slices N] [--spot | --reserved] [--project PROJECT]
#     [--runtime VERSION] [--wait] [--dry-run]
#
# For example, two slices of 256 chips that may be taken back at any time:
#   launch/tpu_vm/create.sh --name big --zone us-west4-a --tpu v5e:16x16 \
#     --slices 2 --spot --wait
#
# --tpu is named as for `lumiere plan --topology`. --wait returns when the
# machines are there. Running it again asks for nothing twice.
set -euo pipefail

# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tpu="" tier="" given_runtime="" waits=0
while (($#)); do
  take_shared "$@"
  if ((taken)); then
    shift "$taken"
    continue
  fi
  case "$1" in
    --tpu | --runtime)
      (($# > 1)) || fail "$1 needs a value."
      if [[ "$1" == --tpu ]]; then tpu="$2"; else given_runtime="$2"; fi
      shift 2
      ;;
    --spot | --reserved)
      [[ -z "$tier" || "$tier" == "$1" ]] ||
        fail "--spot and --reserved exclude each other; give one."
      tier="$1"
      shift
      ;;
    --wait)
      waits=1
      shift
      ;;
    -h | --help) usage 14 ;;
    *) fail "$1 is unknown; see launch/tpu_vm/create.sh --help." ;;
  esac
done
require_shared
[[ -n "$tpu" ]] || fail "--tpu is missing; for example --tpu v5e:16x16."
parse_tpu "$tpu"
[[ "$generation" != tpu7x ]] ||
  fail "tpu7x is offered through GKE alone; use launch/gke/jobset.sh or launch/gke/xpk.sh."
((slices == 1 || hosts > 1)) ||
  fail "--slices is $slices and $tpu is one machine; slices are joined from two machines each, such as v5e:4x4."

words=(compute tpus queued-resources create "$name" "${where[@]}")
case "$generation:$shape" in
  # A size has one shape there.
  v5e:* | v6e:*) words=(gcloud "${words[@]}" --accelerator-type="$accelerator_type") ;;
  v4:*) words=(gcloud "${words[@]}" --type=v4 --topology="$shape") ;;
  # The shapes that v5p gives for its sizes; others can be named in alpha alone.
  v5p:2x2x[124] | v5p:2x4x4 | v5p:4x4x[48] | v5p:4x8x8 | v5p:8x8x8 | \
    v5p:8x8x16 | v5p:8x16x16 | v5p:16x16x16 | v5p:16x16x24)
    words=(gcloud "${words[@]}" --accelerator-type="$accelerator_type")
    ;;
  v5p:*) words=(gcloud alpha "${words[@]}" --type=v5p --topology="$shape") ;;
esac
words+=(--runtime-version="${given_runtime:-$runtime}")
if ((slices == 1)); then
  words+=(--node-id="$name")
else
  words+=(--node-count="$slices" --node-prefix="$name")
fi
[[ -z "$tier" ]] || words+=("$tier")

if ((dry_run)); then
  show "${words[@]}"
  exit
fi
found="$(state)"
case "$found" in
  "") run "${words[@]}" ;;
  FAILED | SUSPENDING | SUSPENDED)
    fail "$name is $found, so its machines are gone; run launch/tpu_vm/delete.sh --name $name --zone $zone, then this again."
    ;;
  *) echo "$name is there already: $found" ;;
esac
((waits)) || exit 0
while found="$(state)" && [[ "$found" != ACTIVE ]]; do
  case "$found" in
    "" | FAILED | SUSPENDING | SUSPENDED | DELETING)
      fail "$name became ${found:-unknown} while waiting; see launch/tpu_vm/status.sh."
      ;;
  esac
  echo "$name: $found"
  sleep "$patience"
done
echo "$name: ACTIVE"
