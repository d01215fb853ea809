#!/usr/bin/env bash
# Says where a request for machines stands, and what each worker does.
#
#   launch/tpu_vm/status.sh --name NAME --zone ZONE [--slices N] [--run RUN]
#     [--project PROJECT] [--dry-run]
#
# For example:
#   launch/tpu_vm/status.sh --name big --zone us-west4-a --slices 2
#
# One line for each worker: whether the run is alive, and its last log line.
set -euo pipefail

# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

run_name=train
while (($#)); do
  take_shared "$@"
  if ((taken)); then
    shift "$taken"
    continue
  fi
  case "$1" in
    --run)
      (($# > 1)) || fail "--run needs a value."
      run_name="$2"
      shift 2
      ;;
    -h | --help) usage 10 ;;
    *) fail "$1 is unknown; see launch/tpu_vm/status.sh --help." ;;
  esac
done
require_shared

dir="\$HOME/$remote_dir/runs/$run_name"
ask="if test -f $dir/pid && kill -0 \$(cat $dir/pid) 2>/dev/null; then echo \"\$(hostname): running: \$(tail -n 1 $dir/log)\"; elif test -f $dir/exit; then echo \"\$(hostname): ended with \$(cat $dir/exit): \$(tail -n 1 $dir/log)\"; else echo \"\$(hostname): no run $run_name\"; fi"

run gcloud compute tpus queued-resources describe "$name" "${where[@]}" \
  --format="value(state.state)"
((dry_run)) || [[ "$(state)" == ACTIVE ]] || exit 0
everywhere "$ask"
