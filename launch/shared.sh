# shellcheck shell=bash
# Read by the scripts beside it and below: how they fail, show and run things.

# shellcheck disable=SC2034 # for those who read this
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
dry_run=0 # 1: commands are shown and not run

# One sentence, exit code 2: what was found, the rule, the nearest that works.
fail() {
  echo "error: $*" >&2
  exit 2
}

# The comment at the top of the script, from its second line to line $1.
usage() {
  sed -n "2,${1}s/^# \{0,1\}//p" "$0"
  exit
}

# A command as a shell would read it back: the same words, quoted where needed.
show() {
  local word head plain='^[A-Za-z0-9_./:=,@%+-]+$' line=""
  for word in "$@"; do
    head=""
    if ! [[ "$word" =~ $plain ]]; then
      # --flag='its value'
      [[ ! "$word" =~ ^--[A-Za-z0-9_.-]+= ]] || head="${BASH_REMATCH[0]}"
      word="${word#"$head"}"
      word="'${word//\'/\'\\\'\'}'"
    fi
    line+="${line:+ }$head$word"
  done
  printf '%s\n' "$line"
}

# Shows a command, and runs it unless this is a rehearsal.
run() {
  show "$@"
  ((dry_run)) || "$@"
}

# Writes each line of standard input with [$1] before it, to the last one,
# whatever ends the program that says them.
prefixed() {
  local line
  trap '' INT TERM
  while IFS= read -r line || [[ -n "$line" ]]; do
    printf '[%s] %s\n' "$1" "$line"
  done
}
