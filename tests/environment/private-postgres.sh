#!/bin/bash
# A PostgreSQL server of one's own, on a free loopback port, that nobody else knows of.
#
#   private-postgres.sh start FOLDER   makes the cluster when the folder has none, and starts it
#   private-postgres.sh stop FOLDER    stops it properly; `start` brings it back on the same port with the same data
#   private-postgres.sh kill FOLDER    stops it as a power cut would (SIGQUIT to the postmaster: no checkpoint)
#   private-postgres.sh url FOLDER     prints postgres://postgres@127.0.0.1:PORT/postgres
#   private-postgres.sh drop FOLDER    stops it and removes everything
#
# The server refuses to run as root, so for root everything runs as the user `postgres`. That user may not
# be allowed into FOLDER (a clone under /root): the data then lies in /var/tmp, and FOLDER/where says so.
set -eu

usage() { sed -n '3,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# = 2 ] || usage
verb=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)

# The newest server that is installed, wherever the distribution has put it.
bin=$(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || echo /nowhere/initdb)")
[ -x "$bin/initdb" ] || { echo "no PostgreSQL server is installed (initdb was not found)" >&2; exit 1; }

# Runs a tool of the server as a user that the server accepts.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/var/tmp "$@" </dev/null)
  else
    "$@" </dev/null
  fi
}

data() { cat "$folder/where"; }
running() { [ -f "$folder/where" ] && as_server "$bin/pg_ctl" status -s -D "$(data)" >/dev/null 2>&1; }

make_cluster() {
  local data=$folder/data
  mkdir -p "$data"
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$data"
    if ! as_server test -w "$data"; then
      rmdir "$data"
      data=$(mktemp -d /var/tmp/pult-postgres.XXXXXX)
      chown postgres "$data"
    fi
  fi
  chmod 700 "$data"
  as_server "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --data-checksums >"$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log" >&2; exit 1; }
  # Commits are as durable as in earnest; only the sizes are those of a test.
  cat >>"$data/postgresql.conf" <<EOF
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
fsync = on
synchronous_commit = on
min_wal_size = 80MB
max_wal_size = 512MB
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
EOF
  echo "$data" >"$folder/where"
}

# A port below the range that the system gives to clients; when somebody has it, the next one is tried.
start_server() {
  local attempt port log
  log=$(data)/server.log
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    if [ -f "$folder/port" ]; then port=$(cat "$folder/port"); else port=$((20000 + RANDOM % 10000)); fi
    if as_server "$bin/pg_ctl" start -s -w -t 60 -D "$(data)" -l "$log" -o "-p $port" >"$folder/pg_ctl.log" 2>&1; then
      echo "$port" >"$folder/port"
      return 0
    fi
    # A cluster that has run before keeps its port, which somebody may be about to let go of.
    if [ -f "$folder/port" ]; then sleep 0.5; fi
  done
  echo "the PostgreSQL server did not start:" >&2
  cat "$folder/pg_ctl.log" >&2
  as_server tail -n 20 "$log" >&2
  exit 1
}

stop_server() { # MODE: fast or immediate
  running || return 0
  as_server "$bin/pg_ctl" stop -s -w -t 60 -m "$1" -D "$(data)"
}

case $verb in
  start)
    [ -f "$folder/where" ] || make_cluster
    running || start_server
    ;;
  stop) stop_server fast ;;
  kill) stop_server immediate ;;
  url) echo "postgres://postgres@127.0.0.1:$(cat "$folder/port")/postgres" ;;
  drop)
    stop_server fast || stop_server immediate
    if [ -f "$folder/where" ]; then rm -rf "$(data)"; fi
    rm -rf "$folder"
    ;;
  *) usage ;;
esac
