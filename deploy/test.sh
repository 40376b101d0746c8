#!/usr/bin/env bash
# test.sh all|unit|integration|backends|e2e [pytest's options]: runs tests and fails when any fails, or when there was none to run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
which=${1:-all}
[ $# -gt 0 ] && shift
python=.venv/bin/python
failed=()

stage() { # stage NAME COMMAND...: goes on after a failure, so that one run shows everything
  printf '\n== %s\n' "$1"
  "${@:2}" || failed+=("$1")
}

web_dependencies() { "$python" -m twotop_native build-web --only-dependencies; }
web_tests() { web_dependencies && (cd web && npm test --silent); }

unit_paths() { find libs services deploy -type d -path '*/tests/unit' && ls -d tests/*/ | grep -v '^tests/e2e/'; }
integration_paths() { find libs services deploy -type d -path '*/tests/integration'; }
# Enough to know that servers are found and used as they should, wherever TWOTOP_TEST_BACKENDS gets them from: the shared
# library's tests, and those of a service that needs all three.
backend_paths=(libs/common/tests/integration services/pairing/tests/integration)

unit() { "$python" -m pytest $(unit_paths) "$@"; }
# These tests mostly wait for servers, so three run at a time; a file's stay together, for what they share.
side_by_side=(-n 3 --dist loadfile)
# Unit and integration tests together answer for the coverage of services and libraries (the limit is in pyproject.toml).
unit_and_integration() { "$python" -m pytest --ignore=tests/e2e "${side_by_side[@]}" --cov --cov-report=term "$@"; }
whole_system() {
  "$python" -m twotop_native ensure-browser
  "$python" -m twotop_native ensure-prometheus
  "$python" -m twotop_native build-web
  # Two files at a time, each with a system of its own; in the order of their names, for the longest comes first.
  "$python" -m pytest tests/e2e -n 2 --dist loadfile --no-loadscope-reorder "$@"
}

case $which in
  all)
    stage "web app" web_tests
    stage "unit and integration" unit_and_integration "$@"
    stage "whole system" whole_system "$@"
    ;;
  unit) stage "unit" unit "$@" ;;
  integration) stage "integration" "$python" -m pytest $(integration_paths) "$@" ;;
  backends) stage "what needs PostgreSQL, RabbitMQ or Redis" "$python" -m pytest "${backend_paths[@]}" "${side_by_side[@]}" "$@" ;;
  e2e) stage "whole system" whole_system "$@" ;;
  *) echo "test.sh: all, unit, integration, backends or e2e" >&2; exit 2 ;;
esac

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nFAILED: %s\n' "${failed[*]}" >&2
  exit 1
fi
