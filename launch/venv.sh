# shellcheck shell=bash
# Read by the scripts beside it: one environment, .venv, made once.
#
#   make_venv PYTHON EXTRA   makes sure that $venv_python runs
#   make_peers_venv PYTHON   makes sure that $peers_python runs: .venv with dev,
#                            and over it .venv-peers with other frameworks
#
# PYTHON may be empty for the first that fits; EXTRA is empty or one of the
# extras in setup.py. What is there already and still fits is kept.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv_python="$root/.venv/bin/python"
peers_python="$root/.venv-peers/bin/python"

fail() {
  echo "error: $*" >&2
  exit 2
}

# What PYTHON says of itself; nothing where it does not run.
version_of() {
  "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null
}

# Where its packages are.
packages_of() {
  "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

is_supported() {
  [[ "$(version_of "$1")" =~ ^3\.1[123]\. ]]
}

find_python() {
  local given="$1" name found=""
  if [[ -n "$given" ]]; then
    command -v "$given" >/dev/null ||
      fail "there is no Python at $given; give the path of Python 3.11, 3.12 or 3.13 with --python PATH."
    is_supported "$given" ||
      fail "$given is Python $(version_of "$given"), and 3.11, 3.12 or 3.13 is needed; give the path of one with --python PATH."
    python="$(command -v "$given")"
    return
  fi
  for name in python3 python3.13 python3.12 python3.11; do
    if is_supported "$name"; then
      python="$(command -v "$name")"
      return
    fi
    [[ -n "$found" ]] || found="$(version_of "$name" || true)"
  done
  fail "found ${found:+Python }${found:-no Python}, and 3.11, 3.12 or 3.13 is needed; install one (Debian 12: apt install python3) or give its path with --python PATH."
}

make_venv() {
  local extra="$2" python stamp want
  if [[ -n "$1" ]] || ! is_supported "$venv_python"; then
    find_python "$1"
    # An environment of another version is of no use; one of this version is.
    if [[ "$(version_of "$venv_python")" != "$(version_of "$python")" ]]; then
      "$python" -c "import ensurepip, venv" 2>/dev/null ||
        fail "$python ($(version_of "$python")) has no venv module; on Debian or Ubuntu: apt install python3-venv."
      echo "making .venv with Python $(version_of "$python")"
      "$python" -m venv --clear "$root/.venv" ||
        fail "$python could not make $root/.venv; see the lines above."
    fi
  fi
  stamp="$root/.venv/installed-${extra:-core}"
  # A folder that was moved is installed again: the links into it are absolute.
  want="$(cksum <"$root/setup.py") $(version_of "$venv_python") $root"
  [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]] || return 0
  [[ -n "$extra" || "$(cat "$root/.venv/installed-dev" 2>/dev/null)" != "$want" ]] || return 0
  echo "installing into .venv (minutes the first time; log: .venv/install.log)"
  "$venv_python" -m pip install --disable-pip-version-check \
    --editable "$root${extra:+[$extra]}" >"$root/.venv/install.log" 2>&1 ||
    fail "pip could not install the dependencies ($(grep -m 1 -o 'ERROR: .*' "$root/.venv/install.log" || tail -n 1 "$root/.venv/install.log")); check the network and run this again."
  echo "$want" >"$stamp"
}

make_peers_venv() {
  local stamp="$root/.venv-peers/installed" want
  make_venv "$1" dev
  want="$(cksum <"$root/setup.py") $(version_of "$venv_python") $root"
  [[ "$(cat "$stamp" 2>/dev/null)" != "$want" ]] || return 0
  echo "installing into .venv-peers (a minute or two; log: .venv-peers/install.log)"
  "$venv_python" -m venv --clear "$root/.venv-peers" ||
    fail "$venv_python could not make $root/.venv-peers; see the lines above."
  # What .venv has is not installed twice; the peers' own come first.
  packages_of "$venv_python" >"$(packages_of "$peers_python")/beside.pth"
  "$peers_python" -m pip install --disable-pip-version-check \
    --editable "${root}[compare]" >"$root/.venv-peers/install.log" 2>&1 ||
    fail "pip could not install the extra compare ($(grep -m 1 -o 'ERROR: .*' "$root/.venv-peers/install.log" || tail -n 1 "$root/.venv-peers/install.log")); check the network and run this again."
  echo "$want" >"$stamp"
}
