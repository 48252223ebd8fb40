# Runs a PostgreSQL server for a test and cleans up behind it: sh -c "$(cat guardian.sh)" guardian FOLDER COMMAND...
#
# The test holds the other end of stdin. A line on it is the signal by which the server shall end. Its end, which comes when
# the test's process is gone, however it went, ends the server and removes the folder.
folder=$1
shift
"$@" &
server=$!
exec 2>/dev/null # so that the end of the log is the end of the server and of its backends
read -r signal
if [ "$signal" = KILL ]; then
    # a machine that stops leaves neither backends nor shared memory behind
    backends=$(cat "/proc/$server/task/$server/children")
    kill -s KILL "$server" $backends
    set -- $(sed -n 7p "$folder/data/postmaster.pid")
    ipcrm -m "$2"
else
    kill -s "${signal:-QUIT}" "$server"
fi
wait "$server"
[ -n "$signal" ] || rm -rf "$folder"
