#!/usr/bin/env bash
# lock.sh: writes requirements.lock (what runs) and requirements-dev.lock (what tests and checks need on top), and
# deploy/tools.lock (the installer itself): exact versions with hashes, for every platform, without addresses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv=.twotop/tools/bin/uv
flags=(--universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url
  --no-emit-find-links --quiet)
own=()
for package in common session-api pairing realtime-gateway cleanup-worker native; do
  own+=(--no-emit-package "twotop-$package")
done
"$uv" pip compile pyproject.toml --group build "${flags[@]}" "${own[@]}" -o requirements.lock "$@"
"$uv" pip compile pyproject.toml --group dev "${flags[@]}" "${own[@]}" -c requirements.lock -o requirements-dev.lock "$@"
"$uv" pip compile deploy/tools.in "${flags[@]}" -o deploy/tools.lock "$@"
