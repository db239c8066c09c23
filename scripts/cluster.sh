# Sourced by scripts that need a throw-away PostgreSQL cluster: never run as root, reached by a
# Unix socket only, removed when the script ends. KEEP=1 keeps it running.
#
#   cluster_start [SETTING...]   initdb and start; each SETTING is a line of postgresql.conf
#   as_server_user COMMAND...    run a command as the user who owns the cluster
#
# Afterwards PGHOST, PGPORT, PGUSER and PGDATABASE point to it, bindir is PostgreSQL's, and
# cluster_dir is a directory the server user may write to.

pg_config=${PG_CONFIG-pg_config}
bindir=$("$pg_config" --bindir) || { echo "no pg_config: PG_CONFIG=\"$pg_config\"" >&2; exit 1; }
server_user=$(id -un)
if [ "$(id -u)" -eq 0 ]; then server_user=${SERVER_USER:-postgres}; fi

# Nothing of the caller's environment may lead to another server.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGSERVICEFILE PGOPTIONS PGPASSWORD \
  PGPASSFILE PGSSLMODE PGTZ PGDATESTYLE PGCLIENTENCODING PGAPPNAME PGDATA

as_server_user() {
  if [ "$(id -un)" = "$server_user" ]; then
    (cd "$cluster_dir" && "$@")
  else
    (cd "$cluster_dir" && HOME=$cluster_dir runuser -u "$server_user" -- "$@")
  fi
}

cluster_dir=
cluster_make_dir() {
  cluster_dir=$(mktemp -d "${TMPDIR:-/tmp}/vseg.XXXXXX")
  trap cluster_remove EXIT
  trap 'exit 130' INT TERM HUP
  if [ "$(id -un)" != "$server_user" ]; then chown "$server_user": "$cluster_dir"; fi
}

cluster_start() {
  [ -n "$cluster_dir" ] || cluster_make_dir
  as_server_user "$bindir/initdb" -D "$cluster_dir/data" -U postgres -A trust -E UTF8 \
    --locale=C.UTF-8 --no-sync >"$cluster_dir/initdb.log" || { cat "$cluster_dir/initdb.log"; return 1; }
  printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$cluster_dir'" "$@" |
    as_server_user tee -a "$cluster_dir/data/postgresql.conf" >/dev/null
  as_server_user "$bindir/pg_ctl" -D "$cluster_dir/data" -l "$cluster_dir/server.log" -s -w start ||
    { cat "$cluster_dir/server.log"; return 1; }
  export PGHOST=$cluster_dir PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

cluster_remove() {
  local status=$?
  trap - EXIT
  if [ "${KEEP:-0}" = 1 ]; then
    cluster_describe
  else
    if [ -f "$cluster_dir/data/postmaster.pid" ]; then
      as_server_user "$bindir/pg_ctl" -D "$cluster_dir/data" -s -m immediate stop
    fi
    rm -rf "$cluster_dir"
  fi
  exit "$status"
}

cluster_describe() {
  local prefix=
  if [ "$(id -un)" != "$server_user" ]; then prefix="runuser -u $server_user -- "; fi
  cat >&2 <<END
kept, as KEEP=1 asks: $cluster_dir
  connect:  $bindir/psql -h $cluster_dir -U postgres
  stop:     $prefix$bindir/pg_ctl -D $cluster_dir/data stop && rm -r $cluster_dir
END
}
