-- Who may use the server from elsewhere: access tokens, of which only a hash is kept. A revoked one stays, so that its
-- name, under which the history has its acts, is never that of another one.
CREATE TABLE IF NOT EXISTS memoria_tui.access_tokens (
    name       text PRIMARY KEY CHECK (name ~ '^[[:alnum:]][[:alnum:]._-]{0,59}$'),
    hash       text NOT NULL UNIQUE,
    scope      text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    projects   text[] CHECK (cardinality(projects) > 0),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON COLUMN memoria_tui.access_tokens.hash IS 'SHA-256 of the token, in hexadecimal digits';
COMMENT ON COLUMN memoria_tui.access_tokens.projects IS 'NULL: all memories';
