#!/usr/bin/env bash
# lint.sh: every check that needs no server. All of them run, so that one run shows everything that is wrong.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
code=(libs services deploy tests bench)
failed=()

check() {
  local name=$1
  shift
  if output=$("$@" 2>&1); then
    printf 'ok    %s\n' "$name"
  else
    printf 'WRONG %s\n%s\n' "$name" "$output"
    failed+=("$name")
  fi
}

web() { .venv/bin/python -m twotop_native build-web --only-dependencies && cd web && npm run --silent lint; }

check "ruff check" .venv/bin/ruff check "${code[@]}"
check "ruff format" .venv/bin/ruff format --check "${code[@]}"
check "mypy --strict" .venv/bin/mypy libs/common/src services/*/src deploy/native/src deploy/observability bench
check "import-linter" .venv/bin/lint-imports --no-cache
check "rooms of a service" .venv/bin/python deploy/rooms.py
check "web app" web
check "generated documents" deploy/api_documents.sh check
check "generated dashboards" .venv/bin/python deploy/observability/dashboards.py check
check "forbidden words" .venv/bin/python deploy/forbidden_words.py
check "shell" bash -n deploy/*.sh .ci/run

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "${failed[*]}" >&2
  exit 1
fi
