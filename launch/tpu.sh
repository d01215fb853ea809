# shellcheck shell=bash disable=SC2034
# Read by the scripts below: what a name such as v5e:16x16 means to Google.
#
#   parse_tpu NAME   sets generation, shape, chips, accelerator_type, runtime,
#                    gke_accelerator, hosts and chips_per_host
#
# NAME is as `lumiere plan --topology` takes it: a generation, a colon, and the
# chips along each axis of one slice. hosts and chips_per_host are those of GKE.

# The shapes that are offered; larger ones of 3 axes are multiples of 4 by 4 by 4.
flat_shapes=" 1x1 2x2 2x4 4x4 4x8 8x8 8x16 16x16 "
deep_shapes=" 2x2x1 2x2x2 2x2x4 2x4x4 "

parse_tpu() {
  local name="$1" x y z
  [[ "$name" =~ ^([a-z0-9]+):([0-9]+)x([0-9]+)(x([0-9]+))?$ ]] ||
    fail "--tpu is \"$name\"; it is a generation and the chips along each axis, for example v5e:16x16."
  generation="${BASH_REMATCH[1]}" shape="${name#*:}"
  x="${BASH_REMATCH[2]}" y="${BASH_REMATCH[3]}" z="${BASH_REMATCH[5]}"
  chips="$((x * y * ${z:-1}))"
  case "$generation" in
    v4) runtime=tpu-ubuntu2204-base accelerator_type="v4-$((2 * chips))" gke_accelerator=tpu-v4-podslice ;;
    v5e) runtime=v2-alpha-tpuv5-lite accelerator_type="v5litepod-$chips" gke_accelerator=tpu-v5-lite-podslice ;;
    v5p) runtime=v2-alpha-tpuv5 accelerator_type="v5p-$((2 * chips))" gke_accelerator=tpu-v5p-slice ;;
    v6e) runtime=v2-alpha-tpuv6e accelerator_type="v6e-$chips" gke_accelerator=tpu-v6e-slice ;;
    tpu7x) runtime="" accelerator_type="tpu7x-$shape" gke_accelerator=tpu7x ;;
    *) fail "--tpu is \"$name\"; its generation must be one of v4, v5e, v5p, v6e, tpu7x." ;;
  esac
  case "$generation" in
    v5e | v6e)
      [[ "$flat_shapes" == *" $shape "* ]] ||
        fail "--tpu is \"$name\"; a slice of $generation is one of${flat_shapes% }."
      ;;
    *)
      [[ "$deep_shapes" == *" $shape "* ]] || is_cubes "$x" "$y" "${z:-0}" ||
        fail "--tpu is \"$name\"; a slice of $generation is one of${deep_shapes% } or three multiples of 4, such as 4x4x8."
      ;;
  esac
  # Up to 8 chips of a flat slice hang on one host; else 4 on each.
  chips_per_host=4
  [[ -n "$z" ]] || ((chips > 8)) || chips_per_host="$chips"
  hosts="$((chips / chips_per_host))"
}

is_cubes() {
  local size
  for size in "$@"; do
    ((size > 0 && size % 4 == 0)) || return 1
  done
}
