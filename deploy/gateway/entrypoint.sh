#!/bin/sh
# Fills in the template from the environment and runs nginx without privileges. Containers come back with new addresses and
# more instances may join; nginx asks for addresses only when it starts, so it is told when they have changed.
set -eu

template=/etc/twotop/nginx.conf.template
run=/tmp/twotop
mkdir -p "$run"

server() { printf 'server %s max_fails=1 fail_timeout=1s;' "$1"; }
# A socket does not end, so nginx would give an instance that once failed one phone a second: none is ever left out.
socket_server() { printf 'server %s max_fails=0;' "$1"; }
export TWOTOP_GATEWAY_USER=""
export TWOTOP_GATEWAY_WORKERS="${TWOTOP_GATEWAY_WORKERS:-auto}"
TWOTOP_GATEWAY_FILES=$(ulimit -Hn)
if [ "$TWOTOP_GATEWAY_FILES" = unlimited ] || [ "$TWOTOP_GATEWAY_FILES" -gt 65536 ]; then TWOTOP_GATEWAY_FILES=65536; fi
export TWOTOP_GATEWAY_FILES
export TWOTOP_GATEWAY_RUN_DIR=$run
export TWOTOP_GATEWAY_WEB_ROOT=/srv/web
export TWOTOP_GATEWAY_LISTEN=8080
export TWOTOP_GATEWAY_LIMITS="${TWOTOP_GATEWAY_LIMITS:-on}"
export TWOTOP_GATEWAY_REQUESTS_PER_SECOND="${TWOTOP_GATEWAY_REQUESTS_PER_SECOND:-100}"
export TWOTOP_GATEWAY_REAL_IP="${TWOTOP_GATEWAY_REAL_IP:-}"
TWOTOP_GATEWAY_SOCKET_ORIGIN=$(printf '%s' "${TWOTOP_PUBLIC_ORIGIN:-http://127.0.0.1:8080}" | sed 's/^http/ws/')
TWOTOP_GATEWAY_SESSION_API=$(server "${TWOTOP_SESSION_API:-session-api:8000}")
TWOTOP_GATEWAY_PAIRING=$(server "${TWOTOP_PAIRING:-pairing:8000}")
TWOTOP_GATEWAY_REALTIME=$(socket_server "${TWOTOP_REALTIME_GATEWAY:-realtime-gateway:8000}")
export TWOTOP_GATEWAY_SOCKET_ORIGIN TWOTOP_GATEWAY_SESSION_API TWOTOP_GATEWAY_PAIRING TWOTOP_GATEWAY_REALTIME

names=$(grep -o '\${TWOTOP_GATEWAY_[A-Z_]*}' "$template" | sort -u | tr '\n' ' ')
envsubst "$names" <"$template" >"$run/nginx.conf"

addresses() {
  for host in "${TWOTOP_SESSION_API:-session-api:8000}" "${TWOTOP_PAIRING:-pairing:8000}" \
    "${TWOTOP_REALTIME_GATEWAY:-realtime-gateway:8000}"; do
    getent ahostsv4 "${host%:*}" | cut -d' ' -f1 | sort -u || true
  done
}

follow_addresses() {
  known=$(addresses)
  while sleep 2; do
    now=$(addresses)
    if [ "$now" != "$known" ] && nginx -e stderr -c "$run/nginx.conf" -s reload 2>/dev/null; then known=$now; fi
  done
}

follow_addresses &
exec nginx -e stderr -c "$run/nginx.conf" -g 'daemon off;'
