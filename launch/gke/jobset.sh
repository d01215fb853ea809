#!/usr/bin/env bash
# Trains on GKE: fills in launch/gke/jobset.yaml and applies it.
#
#   launch/gke/jobset.sh --name NAME --tpu v5e:16x16 --image IMAGE
#     --bucket BUCKET [--slices N] [--namespace NAMESPACE]
#     [--service-account NAME] [--max-restarts N] [--dry-run]
#     -- TRAIN ARGUMENTS...
#
# For example:
#   launch/gke/jobset.sh --name base --tpu v5e:16x16 --slices 2 \
#     --image REGION-docker.pkg.dev/PROJECT/lumiere/train:1 --bucket my-runs -- \
#     --config=configs/base_128.py --workdir=/bucket/base \
#     --config.data.dataset=/bucket/clips
#
# The bucket is /bucket in every pod; the image is that of launch/Dockerfile.
# Run it again to resume: a run that ended is replaced, one that goes on is left
# alone. --dry-run prints what would be applied.
set -euo pipefail

# shellcheck source=launch/shared.sh
source "$(dirname "${BASH_SOURCE[0]}")/../shared.sh"
# shellcheck source=launch/tpu.sh
source "$root/launch/tpu.sh"

name="" tpu="" image="" bucket="" slices=1 namespace=default
service_account=default max_restarts=100 has_arguments=0
while (($#)); do
  case "$1" in
    --name | --tpu | --image | --bucket | --slices | --namespace | --service-account | --max-restarts)
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
    -h | --help) usage 18 ;;
    *) fail "$1 is unknown; arguments of \`lumiere train\` stand after --, see launch/gke/jobset.sh --help." ;;
  esac
done

require() {
  local flag="$1" value="$2" pattern="$3" rule="$4"
  [[ -n "$value" ]] || fail "$flag is missing; see launch/gke/jobset.sh --help."
  [[ "$value" =~ ^($pattern)$ ]] || fail "$flag is \"$value\"; it is $rule."
}
label='[a-z]([-a-z0-9]{0,38}[a-z0-9])?'
require --name "$name" "$label" "of small letters, digits and hyphens, at most 40, and begins with a letter"
[[ -n "$tpu" ]] || fail "--tpu is missing; for example --tpu v5e:16x16."
parse_tpu "$tpu"
require --image "$image" '[a-z0-9A-Z][-a-zA-Z0-9._/:@]*' "the address of a container image"
bucket="${bucket#gs://}"
require --bucket "$bucket" '[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9]' "the name of a bucket alone, such as my-runs"
require --slices "$slices" '[1-9][0-9]*' "a whole number from 1"
require --namespace "$namespace" '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?' "the name of a namespace"
require --service-account "$service_account" '[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?' "the name of a service account"
require --max-restarts "$max_restarts" '[0-9]+' "a whole number from 0"
((slices == 1 || hosts > 1)) ||
  fail "--slices is $slices and $tpu is one machine; slices are joined from two machines each, such as v5e:4x4."
((has_arguments && $#)) ||
  fail "there is nothing to train; give the arguments of \`lumiere train\` after --."

# The words as a list in JSON, which YAML reads too.
quoted() {
  local word line="" separator=""
  for word in "$@"; do
    [[ "$word" != *[[:cntrl:]]* ]] ||
      fail "an argument holds a line break or another control character; remove it."
    word="${word//\\/\\\\}"
    line+="$separator\"${word//\"/\\\"}\""
    separator=", "
  done
  printf '[%s]' "$line"
}

filled() {
  local text value
  text="$(grep -v '^#' "$root/launch/gke/jobset.yaml")"
  for value in NAME="$name" NAMESPACE="$namespace" SLICES="$slices" \
    HOSTS="$hosts" ACCELERATOR="$gke_accelerator" TOPOLOGY="$shape" \
    CHIPS_PER_HOST="$chips_per_host" SERVICE_ACCOUNT="$service_account" \
    MAX_RESTARTS="$max_restarts" BUCKET="$bucket" IMAGE="$image" \
    ARGUMENTS="$arguments"; do
    text="${text//"\${${value%%=*}}"/"${value#*=}"}"
  done
  printf '%s\n' "$text"
}

arguments="$(quoted "$@")"
on=(-n "$namespace")
if ((dry_run)); then
  show kubectl "${on[@]}" apply -f -
  filled
  exit
fi
command -v kubectl >/dev/null ||
  fail "kubectl is not installed; install it, or add --dry-run to see what would be applied."
# Completed, Failed, or nothing while it goes on.
if found="$(kubectl "${on[@]}" get jobset "$name" -o "jsonpath={.metadata.name}:{.status.terminalState}" 2>/dev/null)"; then
  [[ -n "${found#*:}" ]] || {
    echo "$name goes on; its log: kubectl -n $namespace logs -f $name-slice-0-0-xxxxx (see kubectl -n $namespace get pods)"
    exit
  }
  echo "$name: ${found#*:}; it begins again from its last checkpoint"
  run kubectl "${on[@]}" delete jobset "$name" --wait
fi
show kubectl "${on[@]}" apply -f -
filled | kubectl "${on[@]}" apply -f -
