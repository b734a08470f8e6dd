# Shared by the scripts beside it: what the machine must have, and how it gets it. Sourced by bash
# with the working folder at the project's root.

packages=(g++ cmake ninja-build libcli11-dev libfmt-dev libspdlog-dev libsqlite3-dev
          libsqlitecpp-dev nlohmann-json3-dev libjs-chart.js libgtest-dev pkg-config
          python3)
cuda_minimum=12090                # as CUDA_VERSION in cuda.h spells 12.9
cuda_wheels=scripts/cuda-wheels.txt
cuda_folder=build/cuda            # where CMake looks for the wheels' headers, too

say() { printf '==> %s\n' "$*"; }

# fail WHAT NEXT_STEP: the machine lacks something.
fail() {
  printf 'error: %s\n%s\n' "$1" "$2" >&2
  exit 3
}

# Runs a command as root without ever asking for a password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    fail "These packages are missing and installing them needs root: ${missing[*]}." \
         "Run 'apt-get install ${missing[*]}' as root, then this script again."
  fi
}

is_installed() {
  [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages NAME...: calls apt only for what is missing.
install_packages() {
  local package
  missing=()
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "No apt here: relying on what is installed ($*)"
    return
  fi
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing with apt: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300
             -o Acquire::Retries=3)
  as_root "${apt[@]}" update
  as_root "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# The HTML reports are tested in a browser where apt has one; Ubuntu's is a snap, which has no place
# in a container.
install_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    ! command -v "$name" >/dev/null || return 0
  done
  if [[ $(apt-cache policy chromium 2>/dev/null) == *"Candidate: "[0-9]* ]]; then
    install_packages chromium
  else
    say "apt has no chromium: the test that uses HTML reports in a browser will be skipped"
  fi
}

# cuda_version ROOT: CUDA_VERSION of a toolkit that has all we need, else nothing.
cuda_version() {
  local header library
  for header in cuda.h nvrtc.h cublasLt.h cupti.h; do
    compgen -G "$1/include/$header" >/dev/null ||
      compgen -G "$1/extras/CUPTI/include/$header" >/dev/null || return 0
  done
  for library in libnvrtc libcublasLt libcupti; do
    compgen -G "$1/lib64/$library.so*" >/dev/null ||
      compgen -G "$1/lib/$library.so*" >/dev/null ||
      compgen -G "$1/targets/x86_64-linux/lib/$library.so*" >/dev/null ||
      compgen -G "$1/extras/CUPTI/lib64/$library.so*" >/dev/null || return 0
  done
  awk '$1 == "#define" && $2 == "CUDA_VERSION" { print $3; exit }' "$1/include/cuda.h"
}

# Puts the pinned wheels into $cuda_folder, whole or not at all.
fetch_cuda_wheels() {
  if cmp -s "$cuda_wheels" "$cuda_folder/wheels.txt"; then
    return
  fi
  is_installed python3-pip || python3 -m pip --version >/dev/null 2>&1 ||
    install_packages python3-pip
  say "Fetching NVRTC, cuBLAS, CUPTI and CUDA headers 13.0 from PyPI into $cuda_folder (500 MB)"
  rm -rf "$cuda_folder" "$cuda_folder.part"
  mkdir -p "$cuda_folder.part"
  python3 -m pip --no-input --disable-pip-version-check install --quiet --no-cache-dir \
    --no-deps --only-binary :all: --require-hashes --no-compile --no-warn-script-location \
    --root-user-action ignore --requirement "$cuda_wheels" --target "$cuda_folder.part" ||
    fail "NVIDIA's wheels could not be fetched from PyPI." \
         "Check the network (pip's message is above), or install the CUDA toolkit 12.9 or newer."
  cp "$cuda_wheels" "$cuda_folder.part/wheels.txt"
  mv "$cuda_folder.part" "$cuda_folder"
}

# Exports CUDA_HOME: a toolkit of this machine that is new enough, else the wheels.
find_or_fetch_cuda() {
  local root version
  for root in "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda; do
    [ -n "$root" ] || continue
    version=$(cuda_version "$root")
    if [ "${version:-0}" -ge "$cuda_minimum" ]; then
      export CUDA_HOME=$root
      say "CUDA toolkit $((version / 1000)).$((version % 1000 / 10)) in $root"
      return
    fi
  done
  fetch_cuda_wheels
  CUDA_HOME=$(compgen -G "$PWD/$cuda_folder/nvidia/cu*" | tail -n 1 || true)
  export CUDA_HOME
  version=$(cuda_version "$CUDA_HOME")
  [ "${version:-0}" -ge "$cuda_minimum" ] ||
    fail "$cuda_folder does not hold what $cuda_wheels names." \
         "Delete $cuda_folder and run this script again."
  say "CUDA $((version / 1000)).$((version % 1000 / 10)) from NVIDIA's wheels in $cuda_folder"
}

set_up() {
  install_packages "${packages[@]}"
  find_or_fetch_cuda
}

# configure_and_build PRESET [TARGET...]
configure_and_build() {
  local preset=$1 jobs by_memory
  shift
  # A compiler process needs up to 1.5 GB; a small machine must not swap.
  jobs=$(nproc)
  by_memory=$(awk '$1 == "MemAvailable:" { print int($2 / 1500000) }' /proc/meminfo)
  [ "$by_memory" -ge 1 ] || by_memory=1
  [ "$jobs" -le "$by_memory" ] || jobs=$by_memory
  say "Configuring build/$preset"
  cmake --preset "$preset" --log-level=WARNING >/dev/null
  say "Building build/$preset with $jobs jobs"
  cmake --build --preset "$preset" --parallel "$jobs" ${@:+--target "$@"}
}

# Is a Hopper GPU there? Asks nvidia-smi, or the kernel driver where that is missing.
has_hopper_gpu() {
  local file
  if command -v nvidia-smi >/dev/null; then
    [[ $(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null) == *9.0* ]]
    return
  fi
  for file in /proc/driver/nvidia/gpus/*/information; do
    if [[ -r $file && $(<"$file") =~ Model:[^$'\n']*(H100|H200|H800|H20|GH200) ]]; then
      return 0
    fi
  done
  return 1
}
