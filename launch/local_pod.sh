#!/usr/bin/env bash
# A pod on this machine: N processes of M simulated devices each, really joined.
#
#   launch/local_pod.sh [--python PATH] [--dry-run] N M [TRAIN ARGUMENTS...]
#
# For example, 4 hosts of 2 devices:
#   launch/local_pod.sh 4 2 --config=configs/tiny.py:base --workdir=out/pod \
#     --config.data.dataset=cache/clips --config.data.global_batch=8
#
# The arguments are those of `lumiere train`. Each line begins with the number
# of the process that said it. When one process fails, all end, and its exit
# code is returned; run the same command again to resume.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=launch/shared.sh
source "$here/shared.sh"

python="$root/.venv/bin/python"
while (($#)); do
  case "$1" in
    --python)
      (($# > 1)) || fail "--python needs the path of a Python."
      python="$2"
      shift 2
      ;;
    --dry-run)
      dry_run=1
      shift
      ;;
    -h | --help) usage 14 ;;
    -*) fail "$1 is unknown before N M; see launch/local_pod.sh --help." ;;
    *) break ;;
  esac
done
(($# >= 2)) ||
  fail "give the number of processes and of devices of each: launch/local_pod.sh N M [TRAIN ARGUMENTS...]"
for number in "$1" "$2"; do
  [[ "$number" =~ ^[1-9][0-9]*$ ]] ||
    fail "N and M are whole numbers from 1, got \"$number\"."
done
processes="$1" devices="$2"
shift 2
command -v "$python" >/dev/null ||
  fail "$python is not there; run ./launch/quickstart.sh once, or give --python PATH."

free_port() {
  "$python" -c 'import socket
with socket.socket() as one:
  one.bind(("127.0.0.1", 0))
  print(one.getsockname()[1])'
}

words=("$python" -u -m lumiere_jax.cli.main train "$@")
settings() {
  printf '%s\n' JAX_PLATFORMS=cpu "JAX_NUM_PROCESSES=$processes" \
    "JAX_PROCESS_ID=$1" "JAX_COORDINATOR_ADDRESS=127.0.0.1:$port" \
    "XLA_FLAGS=${XLA_FLAGS:+$XLA_FLAGS }--xla_force_host_platform_device_count=$devices" \
    "TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}"
}

cd "$root"
if ((dry_run)); then
  port=PORT
  for ((index = 0; index < processes; index++)); do
    mapfile -t env < <(settings "$index")
    show env "${env[@]}" "${words[@]}"
  done
  exit
fi

port="$(free_port)"
children=()
# Those that run yet; each leads a group, so that its workers end with it. JAX
# takes SIGTERM for the notice of a preemption, hence the second signal.
end_all() {
  local child signal
  for signal in TERM KILL; do
    for child in ${children[@]+"${children[@]}"}; do
      kill "-$signal" -- "-$child" 2>/dev/null || true
    done
    [[ "$signal" == KILL ]] || sleep 1
  done
}
# Once: all save and leave. Twice: now.
stop() {
  [[ -z "${stopping:-}" ]] || exit "$1"
  stopping=1
  local child
  for child in ${children[@]+"${children[@]}"}; do
    kill -TERM "$child" 2>/dev/null || true
  done
}
trap 'stop 130' INT
trap 'stop 143' TERM
trap end_all EXIT

for ((index = 0; index < processes; index++)); do
  # Opened here, in the group of this script: they must outlive the processes.
  exec {said}> >(prefixed "$index")
  mapfile -t env < <(settings "$index")
  set -m # a group of its own
  env "${env[@]}" "${words[@]}" >&"$said" 2>&1 &
  set +m
  children+=("$!")
  exec {said}>&-
done

# The first to fail ends the others, which would wait for it for ever.
while ((${#children[@]})); do
  sleep 0.2
  running=()
  for child in "${children[@]}"; do
    if kill -0 "$child" 2>/dev/null; then
      running+=("$child")
    else
      code=0
      wait "$child" || code=$?
      ((code == 0)) || failed="${failed:-$code}"
    fi
  done
  children=(${running[@]+"${running[@]}"})
  [[ -z "${failed:-}" ]] || exit "$failed"
done
