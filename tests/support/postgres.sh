# Runs a throw-away PostgreSQL server for tests, and takes it away when nobody holds its lock any more.
#
# usage: sh -c SCRIPT NAME DIRECTORY BINARIES PORT GRACE
# DIRECTORY/lock is held shared by every process that uses the server: a process that dies, however it dies,
# lets go of it. After GRACE seconds without a holder the server is stopped and DIRECTORY removed.
set -eu
directory=$1 binaries=$2 port=$3 grace=$4

# PostgreSQL refuses to run as root.
unprivileged() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

mkdir "$directory/server"
chmod 755 "$directory"
if [ "$(id -u)" = 0 ]; then chown postgres "$directory/server"; fi
cd "$directory/server"

# Nothing here survives a crash of the machine, and nothing has to: the directory is in memory.
unprivileged "$binaries/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 --locale C --no-sync \
    >initdb.log 2>&1
cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$directory/server'
max_connections = 300
max_prepared_transactions = 10
fsync = off
full_page_writes = off
CONF
unprivileged "$binaries/pg_ctl" --pgdata data --log server.log --wait --timeout 60 start >pg_ctl.log 2>&1
echo "$port" >"$directory/port.new"
mv "$directory/port.new" "$directory/port"

idle=0
while :; do
    flock --exclusive "$directory/lock" true
    if [ "$grace" -gt 0 ]; then sleep 1; fi
    # A newcomer decides behind the gate whether to join, so nobody joins a server that is about to go.
    exec 9>"$directory.gate"
    flock --exclusive 9
    if flock --exclusive --nonblock "$directory/lock" true; then idle=$((idle + 1)); else idle=0; fi
    if [ "$idle" -gt "$grace" ]; then break; fi
    exec 9>&-
done

# A test may have died with its server frozen.
if [ -f data/postmaster.pid ]; then kill -CONT "$(head -n 1 data/postmaster.pid)" || true; fi
unprivileged "$binaries/pg_ctl" --pgdata data --mode immediate --wait stop >pg_ctl.log 2>&1 || true
cd /
rm -rf "$directory"
# The gate of a shared server stays: removing it would let two newcomers hold two gates of one name.
if [ "$grace" -eq 0 ]; then rm -f "$directory.gate"; fi
