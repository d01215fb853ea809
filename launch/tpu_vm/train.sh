#!/usr/bin/env bash
# Trains on every worker, and follows the log. Run it again to resume.
#
#   launch/tpu_vm/train.sh --name NAME --zone ZONE [--slices N] [--run RUN]
#     [--project PROJECT] [--no-follow] [--dry-run] -- TRAIN ARGUMENTS...
#
# For example:
#   launch/tpu_vm/train.sh --name big --zone us-west4-a --slices 2 -- \
#     --config=configs/base_128.py --workdir='~/bucket/base' \
#     --config.data.dataset='~/bucket/clips'
#
# The arguments after -- are those of `lumiere train`; a value may begin with
# ~/ for the home of a worker. The recipe is copied from here. The run outlives
# this script; where all workers run already it only follows them, and where
# some do, for instance after one failed, it ends them and starts all.
set -euo pipefail

# shellcheck source=launch/tpu_vm/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

run_name=train follows=1 has_arguments=0
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
    --no-follow)
      follows=0
      shift
      ;;
    --)
      has_arguments=1
      shift
      break
      ;;
    -h | --help) usage 17 ;;
    *) fail "$1 is unknown; arguments of \`lumiere train\` stand after --, see launch/tpu_vm/train.sh --help." ;;
  esac
done
require_shared
((has_arguments && $#)) ||
  fail "there is nothing to train; give the arguments of \`lumiere train\` after --."
[[ "$run_name" =~ ^[A-Za-z0-9][-A-Za-z0-9_.]*$ ]] ||
  fail "--run is \"$run_name\"; it names a folder, of letters, digits, hyphens, dots and underscores."

# The words for a shell on a worker; ~/ is its home, wherever a value begins.
recipe="" line=""
for word in "$@"; do
  case "$word" in
    --config=*)
      recipe="${word#--config=}"
      recipe="${recipe%%:*}"
      ;;
  esac
  quoted="$(show "$word")"
  case "$word" in
    --*='~/'*) quoted="${word%%=*}=\$HOME$(show "/${word#*=\~/}")" ;;
  esac
  line+=" $quoted"
done
[[ -n "$recipe" ]] || fail "--config is missing after --; for example --config=configs/base_128.py."
[[ -f "$root/$recipe" ]] ||
  fail "there is no recipe $recipe in this checkout; give one by its path from $root, such as configs/base_128.py."

dir="\$HOME/$remote_dir/runs/$run_name"
# Whether the process that a worker's file names is alive.
ask="if test -f $dir/pid && kill -0 \$(cat $dir/pid) 2>/dev/null; then echo state:running; else echo state:stopped; fi"
# With its group, since the workers of the data pipeline are in it.
stop="if test -f $dir/pid; then kill -KILL -- -\$(cat $dir/pid) 2>/dev/null; fi; rm -f $dir/pid"
start="set -e
mkdir -p $dir
rm -f $dir/exit
cat >$dir/run.sh <<'RUN'
cd ~/$remote_dir
.venv/bin/python -u -m lumiere_jax.cli.main train$line
echo \$? >$dir/exit
RUN
setsid nohup bash $dir/run.sh >>$dir/log 2>&1 </dev/null &
echo \$! >$dir/pid
echo \"\$(hostname): started\""
follow="tail -n 20 --pid=\$(cat $dir/pid) -F $dir/log; exit \$(cat $dir/exit 2>/dev/null || echo 1)"

cd "$root"
first="$(nodes | head -n 1)"
if ((dry_run)); then
  everywhere "$ask"
  send "$recipe" "$remote_dir/$recipe"
  everywhere "$start"
  ((!follows)) || on_worker "$first" 0 "$follow"
  exit
fi

answers="$(everywhere "$ask")" ||
  fail "not all workers of $name answer; see launch/tpu_vm/status.sh --name $name --zone $zone --slices $slices."
running="$(grep -c '^state:running' <<<"$answers" || true)"
stopped="$(grep -c '^state:stopped' <<<"$answers" || true)"
if ((running && !stopped)); then
  echo "$run_name runs already on $running workers"
else
  if ((running)); then
    echo "$run_name runs on $running workers and not on $stopped: all begin again from the last checkpoint"
    everywhere "$stop"
  fi
  send "$recipe" "$remote_dir/$recipe"
  everywhere "$start"
fi
((!follows)) || on_worker "$first" 0 "$follow"
