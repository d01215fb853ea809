#!/usr/bin/env bash
# Gives TPU machines back, and with them everything on their disks.
#
#   launch/tpu_vm/delete.sh --name NAME --zone ZONE [--project PROJECT]
#     [--yes] [--dry-run]
#
# For example:
#   launch/tpu_vm/delete.sh --name big --zone us-west4-a
#
# Asks first, unless --yes is given. What lies in a bucket stays.
set -euo pipefail

# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

sure=()
while (($#)); do
  take_shared "$@"
  if ((taken)); then
    shift "$taken"
    continue
  fi
  case "$1" in
    --yes)
      sure=(--quiet)
      shift
      ;;
    -h | --help) usage 10 ;;
    *) fail "$1 is unknown; see launch/tpu_vm/delete.sh --help." ;;
  esac
done
require_shared

# --force takes the nodes along, in whatever state the request is.
run gcloud compute tpus queued-resources delete "$name" "${where[@]}" --force \
  ${sure[@]+"${sure[@]}"}
