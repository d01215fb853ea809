# shellcheck shell=bash disable=SC2034
# Read by the scripts beside it: the flags that all of them take, and how they
# reach the machines. A slice is a node of Cloud TPU; each has several workers.

# shellcheck source=launch/shared.sh
source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"
# shellcheck source=launch/tpu.sh
source "$root/launch/tpu.sh"

name="" zone="" project="" slices=1
# What the workers have: the program, its environment, the logs of runs.
remote_dir=lumiere
# How long to wait before looking again, in seconds.
patience="${LUMIERE_PATIENCE:-30}"

# Takes one of the shared flags at the front of "$@"; sets `taken` to the
# number of words, 0 if it is none of them.
take_shared() {
  taken=0
  case "$1" in
    --name | --zone | --project | --slices)
      (($# > 1)) || fail "$1 needs a value."
      printf -v "${1#--}" '%s' "$2"
      taken=2
      ;;
    --dry-run)
      dry_run=1
      taken=1
      ;;
  esac
}

# Refuses what gcloud would refuse later, and less clearly.
require_shared() {
  local script="launch/tpu_vm/${0##*/}"
  [[ -n "$name" ]] || fail "--name is missing; see $script --help."
  [[ "$name" =~ ^[a-z]([-a-z0-9]{0,60}[a-z0-9])?$ ]] ||
    fail "--name is \"$name\"; it is of small letters, digits and hyphens, and begins with a letter."
  [[ -n "$zone" ]] ||
    fail "--zone is missing, where the TPU is; for example --zone us-west4-a."
  [[ "$slices" =~ ^[1-9][0-9]*$ ]] ||
    fail "--slices is \"$slices\"; it is a whole number from 1."
  where=(--zone="$zone")
  [[ -z "$project" ]] || where+=(--project="$project")
  ((dry_run)) || command -v gcloud >/dev/null ||
    fail "gcloud is not installed; install the Google Cloud CLI, or add --dry-run to see the commands."
}

# The nodes of this request: NAME alone, or NAME-0, NAME-1, ...
nodes() {
  local index
  if ((slices == 1)); then
    echo "$name"
  else
    for ((index = 0; index < slices; index++)); do
      echo "$name-$index"
    done
  fi
}

# Where the request stands, such as ACTIVE; nothing if there is none.
state() {
  gcloud compute tpus queued-resources describe "$name" "${where[@]}" \
    --format="value(state.state)" 2>/dev/null || true
}

# Runs a command line on a node: on worker $2, or on all of them.
on_worker() {
  run gcloud compute tpus tpu-vm ssh "$1" "${where[@]}" --worker="$2" \
    --command="$3"
}

# Runs a command line on all workers of all nodes at once; fails if one does.
everywhere() {
  local node failed=0 child children=()
  for node in $(nodes); do
    if ((dry_run || slices == 1)); then
      on_worker "$node" all "$1" || failed=1
    else
      on_worker "$node" all "$1" &
      children+=("$!")
    fi
  done
  for child in ${children[@]+"${children[@]}"}; do
    wait "$child" || failed=1
  done
  return "$failed"
}

# Copies a file to all workers of all nodes.
send() {
  local node
  for node in $(nodes); do
    run gcloud compute tpus tpu-vm scp "$1" "$node:$2" "${where[@]}" --worker=all
  done
}
