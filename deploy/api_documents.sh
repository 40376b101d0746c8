#!/usr/bin/env bash
# api_documents.sh write|check: the documents generated from the code, and the web app's types generated from those.
# `check` fails when what is committed differs from what the code says.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=${1:?write or check}
python=$PWD/.venv/bin/python
types=web/src/api/generated
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

for service in session-api pairing; do
  .venv/bin/"$service" openapi >"$new/$service.openapi.json"
done
"$python" -m twotop_common.asyncapi >"$new/asyncapi.yaml"

case $mode in
  write)
    cp "$new"/* docs/api/
    "$python" -m twotop_native build-web --only-dependencies
    (cd web && npm run --silent generate)
    ;;
  check)
    status=0
    for file in "$new"/*; do
      diff -u "docs/api/$(basename "$file")" "$file" || status=1
    done
    if [ -d "$types" ]; then
      cp -r "$types" "$new/types"
      "$python" -m twotop_native build-web --only-dependencies
      (cd web && npm run --silent generate)
      diff -ru "$new/types" "$types" || { rm -rf "$types" && cp -r "$new/types" "$types"; status=1; }
    fi
    [ $status = 0 ] || echo "run: make openapi"
    exit $status
    ;;
  *) echo "api_documents.sh: write or check" >&2; exit 2 ;;
esac
