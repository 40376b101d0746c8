#!/usr/bin/env bash
# Roles and databases, then every service's migrations side by side, then questions and the demo restaurant. Safe to run again.
set -euo pipefail

python3 -m twotop_common.service_defaults.databases

as_service() { # as_service NAME COMMAND...: with that service's own database and role
  local role=${1//-/_} password
  password=$(tr ' ' '\n' <<<"$TWOTOP_DATABASE_PASSWORDS" | sed -n "s/^$role=//p")
  TWOTOP_DATABASE_URL="postgresql://$role:$password@$TWOTOP_DATABASE_HOST/$role" "${@:2}"
}

running=()
for service in session-api pairing realtime-gateway cleanup-worker; do
  as_service "$service" "$service" migrate up &
  running+=($!)
done
for job in "${running[@]}"; do wait "$job"; done

as_service session-api twotop import-questions
if [ "${TWOTOP_DEMO:-true}" = true ]; then as_service session-api twotop import /app/demo.yaml; fi
