#!/bin/sh
# Starts and looks after the central stack; `start.sh help` tells how, docker/.env.example what can be set.
set -eu

here=$(dirname -- "$(readlink -f -- "$0")")
env_file=$here/.env
central=docker-compose.central.yml
development_password=memoria_dev

usage() {
    cat <<'END'
Usage: start.sh COMMAND

  central [--pgbouncer] [--ollama] [--http]
                                     start Qdrant and PostgreSQL; with a pooler, with a server of embeddings, with the
                                     server for agents
  http                               start the server for agents alone, where the stores are elsewhere
  qdrant                             start Qdrant alone
  stop                               stop what runs; the data stays
  status                             tell what runs and how it is
  logs [-f] [SERVICE…]               print what the services said; -f goes on
  backup DIR [--keep N]              write an archive of everything into DIR
  restore ARCHIVE [--replace] [--yes]
                                     put back what an archive holds, after showing what would change
  doctor                             tell how the stores are, and what is wrong with what they hold

Settings stand in docker/.env; docker/.env.example explains them. backup, restore and doctor run memoria-tui on the
central stack and hand on further options.
END
}

say() { printf '%s\n' "start.sh: $*" >&2; }

die() {
    say "$@"
    exit 1
}

wrong_usage() {
    say "$*; \`start.sh help\` tells what there is"
    exit 2
}

# Settings

# from_file NAME: the value in .env, without its quotes.
from_file() {
    [ -f "$env_file" ] || return 0
    tr -d '\r' <"$env_file" | sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" | tail -n 1 | sed \
        -e "s/^'\([^']*\)'.*/\1/" -e t -e 's/^"\([^"]*\)".*/\1/' -e t \
        -e 's/^#.*//' -e 's/[[:space:]]#.*//' -e 's/[[:space:]]*$//'
}

# setting NAME DEFAULT: from the environment, else from .env.
setting() {
    eval "value=\${$1-}"
    [ -n "$value" ] || value=$(from_file "$1")
    printf '%s' "${value:-$2}"
}

# Compose is given what is read here, so that both mean the same.
read_settings() {
    MEMORIA_BIND_ADDRESS=$(setting MEMORIA_BIND_ADDRESS 127.0.0.1)
    MEMORIA_QDRANT_PORT=$(setting MEMORIA_QDRANT_PORT 6333)
    QDRANT_API_KEY=$(setting QDRANT_API_KEY '')
    POSTGRES_PORT=$(setting POSTGRES_PORT 5432)
    POSTGRES_USER=$(setting POSTGRES_USER memoria)
    POSTGRES_DB=$(setting POSTGRES_DB memoria)
    POSTGRES_PASSWORD=$(setting POSTGRES_PASSWORD "$development_password")
    export MEMORIA_BIND_ADDRESS MEMORIA_QDRANT_PORT QDRANT_API_KEY
    export POSTGRES_PORT POSTGRES_USER POSTGRES_DB POSTGRES_PASSWORD
    case $MEMORIA_BIND_ADDRESS in
        127.* | localhost | '[::1]') published=no address=$MEMORIA_BIND_ADDRESS ;;
        0.0.0.0) published=yes address=127.0.0.1 ;;
        '[::]') published=yes address='[::1]' ;;
        *) published=yes address=$MEMORIA_BIND_ADDRESS ;;
    esac
}

check_password() {
    [ "$POSTGRES_PASSWORD" = "$development_password" ] || return 0
    [ "$published" = no ] || die "MEMORIA_BIND_ADDRESS=$MEMORIA_BIND_ADDRESS publishes PostgreSQL outside this machine," \
        "but its password is the development password: set POSTGRES_PASSWORD in $env_file"
    say "WARNING: development only: PostgreSQL takes the password \"$development_password\", which everybody knows;" \
        "for anything else set POSTGRES_PASSWORD in $env_file before the first start"
}

check_key() {
    if [ "$published" = yes ] && [ -z "$QDRANT_API_KEY" ]; then
        say "WARNING: whoever reaches $MEMORIA_BIND_ADDRESS:$MEMORIA_QDRANT_PORT can read and delete all memories:" \
            "set QDRANT_API_KEY in $env_file"
    fi
}

# Containers

find_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose_command='docker compose'
    elif command -v docker-compose >/dev/null 2>&1; then
        compose_command=docker-compose
    elif command -v docker >/dev/null 2>&1; then
        die "docker is here, but neither \`docker compose\` nor \`docker-compose\`:" \
            "install the Compose plugin, https://docs.docker.com/compose/install/"
    else
        die "neither \`docker compose\` nor \`docker-compose\` is on PATH: install Docker," \
            "https://docs.docker.com/engine/install/, or use memoria-tui embedded, which needs no server"
    fi
    if command -v docker >/dev/null 2>&1 && ! docker info >/dev/null 2>&1; then
        die "the Docker daemon does not answer: start it (for example \`systemctl start docker\`)," \
            "or check DOCKER_HOST and whether you may use it"
    fi
}

# compose FILE ARGUMENT…: on the stack, from whatever folder.
compose() {
    file=$1
    shift
    set -- --project-name memoria --project-directory "$here" --file "$here/$file" "$@"
    [ ! -f "$env_file" ] || set -- --env-file "$env_file" "$@"
    # shellcheck disable=SC2086  # one or two words
    $compose_command "$@"
}

# Docker's old docker-compose cannot wait for health checks.
waiting() {
    # shellcheck disable=SC2086  # one or two words
    case $($compose_command version --short) in
        1.* | v1.*) ;;
        *) printf '%s' --wait ;;
    esac
}

everything() { compose "$central" --profile pgbouncer --profile ollama --profile http "$@"; }

start_central() {
    pgbouncer='' ollama='' http=''
    for option; do
        case $option in
            --pgbouncer) pgbouncer=yes ;;
            --ollama) ollama=yes ;;
            --http) http=yes ;;
            *) wrong_usage "central knows --pgbouncer, --ollama and --http, not $option" ;;
        esac
    done
    check_password
    check_key
    case $pgbouncer$POSTGRES_PASSWORD in
        yes*\"*) die 'PgBouncer cannot read a POSTGRES_PASSWORD with a double quote: choose another' ;;
    esac
    if [ -n "$ollama" ]; then
        HTTP_OLLAMA_HOST=$(setting HTTP_OLLAMA_HOST http://ollama:11434)
        export HTTP_OLLAMA_HOST
    fi
    find_compose
    wait=$(waiting)
    set -- ${pgbouncer:+--profile pgbouncer} ${ollama:+--profile ollama} ${http:+--profile http}
    compose "$central" "$@" up --detach ${http:+--build} ${wait:+"$wait"}
    if [ -n "$ollama" ]; then
        fetch_model "$(setting MEMORIA_EMBEDDING_MODEL nomic-embed-text)"
    fi
    port=$POSTGRES_PORT
    [ -z "$pgbouncer" ] || port=$(setting PGBOUNCER_PORT 6432)
    say "started. For your programs:"
    printf '%s\n' "export MEMORIA_QDRANT_HOST=$address MEMORIA_QDRANT_PORT=$MEMORIA_QDRANT_PORT" \
        "export MEMORIA_DATABASE_URL=postgresql://$POSTGRES_USER:PASSWORD@$address:$port/$POSTGRES_DB"
    [ -z "$ollama" ] || printf '%s\n' "export MEMORIA_OLLAMA_HOST=http://$address:$(setting OLLAMA_PORT 11434)"
    [ -z "$http" ] || tell_of_http
}

# The server runs where Docker has it listen to everybody, so each client needs a token.
tell_of_http() {
    say "agents find the server at http://$address:$(setting MEMORIA_HTTP_PORT 8765)/mcp, with a token:" \
        "docker exec memoria-http-1 memoria-tui token create NAME --scope write"
}

start_http() {
    [ $# -eq 0 ] || wrong_usage "http takes no options, not $1"
    for name in MEMORIA_QDRANT_HOST MEMORIA_DATABASE_URL; do
        [ -n "$(setting "$name" '')" ] || die "$name says where the stores are: set it in $env_file," \
            "or start them too: \`start.sh central --http\`"
    done
    find_compose
    wait=$(waiting)
    compose docker-compose.http.yml up --detach --build ${wait:+"$wait"}
    say started
    tell_of_http
}

# Ollama may still be starting where nobody waited for it.
fetch_model() {
    # shellcheck disable=SC2016  # for the shell in the container
    compose "$central" --profile ollama exec -T ollama sh -c '
        tries=60
        until ollama list >/dev/null 2>&1 || [ "$tries" -eq 0 ]; do tries=$((tries - 1)); sleep 1; done
        ollama pull "$1"' sh "$1" ||
        die "the stack runs, but $1 could not be fetched: try \`start.sh central --ollama\` again"
}

start_qdrant() {
    [ $# -eq 0 ] || wrong_usage "qdrant takes no options, not $1"
    check_key
    find_compose
    wait=$(waiting)
    compose docker-compose.qdrant-only.yml up --detach ${wait:+"$wait"}
    say "started. For your programs:"
    printf '%s\n' "export MEMORIA_QDRANT_HOST=$address MEMORIA_QDRANT_PORT=$MEMORIA_QDRANT_PORT"
}

# The program

find_program() {
    program=$(setting MEMORIA_TUI '')
    if [ -n "$program" ]; then
        command -v "$program" >/dev/null 2>&1 || die "MEMORIA_TUI is $program, which cannot be run"
    elif command -v memoria-tui >/dev/null 2>&1; then
        program=memoria-tui
    elif [ -x "$here/../.venv/bin/memoria-tui" ]; then
        program=$here/../.venv/bin/memoria-tui
    else
        die "memoria-tui is neither on PATH nor in .venv beside docker/: install it, or name it in MEMORIA_TUI"
    fi
}

# encoded TEXT: fit for a URL, every byte as %XX.
encoded() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }

# Runs memoria-tui on the stack. Only .env can name other stores: a URL left in a shell must not be what is restored into.
run_program() {
    find_program
    if [ -f "$env_file" ]; then
        # shellcheck disable=SC2013  # names have no spaces
        for name in $(sed -n 's/^[[:space:]]*\(MEMORIA_[A-Z_]*\)[[:space:]]*=.*/\1/p' "$env_file"); do
            value=$(setting "$name" '')
            export "$name=$value"
        done
    fi
    MEMORIA_QDRANT_HOST=$(from_file MEMORIA_QDRANT_HOST)
    MEMORIA_DATABASE_URL=$(from_file MEMORIA_DATABASE_URL)
    : "${MEMORIA_QDRANT_HOST:=$address}"
    : "${MEMORIA_DATABASE_URL:=postgresql://$(encoded "$POSTGRES_USER"):$(encoded "$POSTGRES_PASSWORD")@$address:$POSTGRES_PORT/$(encoded "$POSTGRES_DB")}"
    export MEMORIA_QDRANT_HOST MEMORIA_DATABASE_URL
    exec "$program" "$@"
}

[ $# -gt 0 ] || {
    usage >&2
    exit 2
}
command=$1
shift
read_settings
case $command in
    central) start_central "$@" ;;
    qdrant) start_qdrant "$@" ;;
    http) start_http "$@" ;;
    stop)
        [ $# -eq 0 ] || wrong_usage "stop takes no options, not $1"
        find_compose
        everything down
        ;;
    status)
        find_compose
        everything ps --all "$@"
        ;;
    logs)
        find_compose
        everything logs --tail=200 "$@"
        ;;
    backup | restore)
        [ $# -gt 0 ] || wrong_usage "$command needs $([ "$command" = backup ] && echo 'a folder' || echo 'an archive')"
        run_program "$command" "$@"
        ;;
    doctor) run_program doctor "$@" ;;
    help | -h | --help) usage ;;
    *) wrong_usage "there is no command $command" ;;
esac
