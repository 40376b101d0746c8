#!/usr/bin/env bash
# environment.sh runtime|dev: makes .venv from the lock file, or does nothing (in milliseconds) when it is up to date.
#
# Needs Python 3.11 or newer with pip. Everything else comes from the lock files, each file checked against its hash.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kind=${1:?runtime or dev}
case $kind in
  runtime) lock=requirements.lock ;;
  dev) lock=requirements-dev.lock ;;
  *) echo "environment.sh: runtime or dev" >&2; exit 2 ;;
esac
packages=(libs/common services/session-api services/pairing services/realtime-gateway services/cleanup-worker deploy/native)

say() { printf '%s\n' "$*"; }
fail() { printf 'twotop: %s\n' "$*" >&2; exit 1; }

fingerprint() { cat "$1" deploy/tools.lock "${packages[@]/%//pyproject.toml}" | sha256sum | cut -d' ' -f1; }
up_to_date() { [ -x .venv/bin/python ] && [ "$(cat ".venv/.twotop-$1" 2>/dev/null)" = "$(fingerprint "$2")" ]; }

up_to_date dev requirements-dev.lock && exit 0 # holds everything that runtime does
up_to_date "$kind" "$lock" && exit 0

find_python() {
  local candidate
  for candidate in "${TWOTOP_PYTHON:-python3}" python3.11 python3.12 python3.13; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is needed; install it (Debian: apt-get install python3) or name it in TWOTOP_PYTHON"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

ensure_pip() {
  "$1" -m pip --version >/dev/null 2>&1 && return
  say "installing pip"
  if command -v apt-get >/dev/null && as_root env DEBIAN_FRONTEND=noninteractive bash -c \
    'apt-get -qq -y --no-install-recommends install python3-pip >/dev/null 2>&1 ||
     { apt-get -qq update && apt-get -qq -y --no-install-recommends install python3-pip; } >/dev/null 2>&1'; then
    return
  fi
  fail "pip is missing for $1; install it (Debian: apt-get install python3-pip)"
}

mkdir -p .twotop
chmod 700 .twotop
python=$(find_python)
uv=.twotop/tools/bin/uv
if [ "$(cat .twotop/tools/.from 2>/dev/null)" != "$(sha256sum <deploy/tools.lock)" ]; then
  ensure_pip "$python"
  say "getting the installer"
  rm -rf .twotop/tools
  "$python" -m pip --quiet --disable-pip-version-check install --root-user-action=ignore --no-cache-dir --only-binary :all: --require-hashes \
    --target .twotop/tools -r deploy/tools.lock
  sha256sum <deploy/tools.lock >.twotop/tools/.from
fi

say "installing Python packages ($kind)"
[ -x .venv/bin/python ] || "$uv" venv --quiet --no-project --python "$python" .venv
export VIRTUAL_ENV=$PWD/.venv
rm -f .venv/.twotop-runtime .venv/.twotop-dev
"$uv" pip sync --quiet --compile-bytecode --require-hashes "$lock"
editable=()
for package in "${packages[@]}"; do editable+=(-e "$package"); done
"$uv" pip install --quiet --no-deps --no-build-isolation "${editable[@]}"
fingerprint "$lock" >".venv/.twotop-$kind"
