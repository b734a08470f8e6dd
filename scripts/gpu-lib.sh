# Shared by the gpu-* scripts, which source it first with their arguments in place: --help, paths as
# the caller means them, and what this machine must have. The working folder becomes the project's
# root.

# The comment at the head of the script is its help.
if [[ ${1:-} == -h || ${1:-} == --help ]]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0"
  exit 0
fi
caller=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
source scripts/lib.sh

# from_caller PATH: one that the caller wrote, or none.
from_caller() {
  [[ -z $1 || $1 == /* ]] && printf '%s' "$1" || printf '%s/%s' "$caller" "$1"
}

# need_number NAME VALUE LEAST
need_number() {
  [[ $2 =~ ^[0-9]+$ && $2 -ge $3 ]] && return
  printf 'error: %s is %s, which is no number from %s on.\nGive one.\n' "$1" "$2" "$3" >&2
  exit 2
}

# need_gpu_and BUILD_FOLDER PROGRAM...: a Hopper GPU, and a finished build tree with these programs.
# Where CUDA's libraries came as wheels, they are used.
need_gpu_and() {
  local build=$1 program wheels
  shift
  has_hopper_gpu || fail "This machine has no Hopper GPU." "Run scripts/${0##*/} where one is."
  for program in "$@"; do
    if [[ ! -x $build/$program ]]; then
      printf 'error: %s is missing.\nBuild it: cmake --preset portable && %s\n' \
        "$build/$program" "cmake --build --preset portable" >&2
      exit 2
    fi
  done
  for wheels in "$PWD"/build/cuda/nvidia/cu*; do
    [[ ! -d $wheels ]] || export CUDA_HOME=$wheels
  done
}

# How many Hopper GPUs there are.
count_hopper_gpus() {
  local files
  if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | grep -c '^9\.0'
    return
  fi
  files=$(compgen -G '/proc/driver/nvidia/gpus/*/information') || files=
  wc -w <<<"$files"
}
