#!/usr/bin/env bash
# Puts this checkout on every worker, installs it there, and mounts a bucket.
#
#   launch/tpu_vm/setup.sh --name NAME --zone ZONE [--slices N]
#     [--bucket BUCKET] [--project PROJECT] [--dry-run]
#
# For example:
#   launch/tpu_vm/setup.sh --name big --zone us-west4-a --slices 2 \
#     --bucket my-runs
#
# The bucket appears as ~/bucket on every worker; runs and datasets belong
# there, since all workers must see them and disks go with the machines. Run it
# again after a change of the code: what is installed already is kept.
set -euo pipefail

# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

bucket=""
while (($#)); do
  take_shared "$@"
  if ((taken)); then
    shift "$taken"
    continue
  fi
  case "$1" in
    --bucket)
      (($# > 1)) || fail "--bucket needs a value."
      bucket="${2#gs://}"
      shift 2
      ;;
    -h | --help) usage 13 ;;
    *) fail "$1 is unknown; see launch/tpu_vm/setup.sh --help." ;;
  esac
done
require_shared
[[ -z "$bucket" || "$bucket" =~ ^[a-z0-9][-a-z0-9_.]{1,220}[a-z0-9]$ ]] ||
  fail "--bucket is \"$bucket\"; give the name of a bucket alone, such as my-runs."

# Python of the machine's own image is too old; uv brings one.
install="set -e
mkdir -p ~/$remote_dir
tar -xzf ~/$remote_dir.tar.gz -C ~/$remote_dir
cd ~/$remote_dir
export PATH=\"\$HOME/.local/bin:\$PATH\"
command -v uv >/dev/null ||
  PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --quiet --user uv
test -x .venv/bin/python || uv venv --quiet --python 3.12 .venv
want=\$(cksum <setup.py)
if test \"\$(cat .venv/installed 2>/dev/null)\" != \"\$want\"; then
  uv pip install --quiet --python .venv/bin/python --editable '.[tpu]'
  echo \"\$want\" >.venv/installed
fi
# The TPU runtime starts and stops faster so; JAX warns where it is not.
echo always | sudo tee /sys/kernel/mm/transparent_hugepage/enabled >/dev/null
echo \"\$(hostname): installed\""

mount="set -e
if ! command -v gcsfuse >/dev/null; then
  key=/usr/share/keyrings/cloud.google.asc
  curl -fsSL https://packages.cloud.google.com/apt/doc/apt-key.gpg | sudo tee \$key >/dev/null
  echo \"deb [signed-by=\$key] https://packages.cloud.google.com/apt gcsfuse-\$(lsb_release -cs) main\" |
    sudo tee /etc/apt/sources.list.d/gcsfuse.list >/dev/null
  sudo apt-get -qq -o DPkg::Lock::Timeout=600 update
  sudo apt-get -qq -o DPkg::Lock::Timeout=600 install -y gcsfuse
fi
mkdir -p ~/bucket
mountpoint -q ~/bucket || gcsfuse --implicit-dirs $bucket ~/bucket
echo \"\$(hostname): ~/bucket is gs://$bucket\""

archive="$(mktemp -u)-$remote_dir.tar.gz"
((!dry_run)) || archive="$remote_dir.tar.gz"
trap 'rm -f "$archive"' EXIT
run tar -czf "$archive" -C "$root" --exclude=.git --exclude='.venv*' \
  --exclude=__pycache__ --exclude='*.egg-info' --exclude=./out \
  --exclude=./cache --exclude=./shared .
send "$archive" "$remote_dir.tar.gz"
everywhere "$install"
[[ -z "$bucket" ]] || everywhere "$mount"
