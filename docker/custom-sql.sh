#!/bin/sh
# The last of the files that PostgreSQL's image runs on an empty volume: runs your own *.sql files of docker/initdb.d in
# the order of their names. Stops the first start at an error, like the image does for its own files.
set -e
for file in "${1:-/custom-sql}"/*.sql; do
    [ -f "$file" ] || continue
    echo "running $file"
    psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file"
done
