#!/bin/sh
# What PostgreSQL's image runs on an empty volume: the scripts of sql/, which make what `memoria-tui db upgrade` makes, then
# your own *.sql files of docker/initdb.d, each in the order of their names. Stops the first start at an error, like the
# image does for its own files.
set -e
for file in "${1:-/sql}"/*.sql "${2:-/custom-sql}"/*.sql; do
    [ -f "$file" ] || continue
    echo "running $file"
    psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file"
done
