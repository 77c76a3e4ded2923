-- Which agents work with the memories now: each program that serves them writes a line for each of them every few
-- seconds while they call, and takes its lines out at its end; those of one that was killed are too old after a while.
CREATE TABLE IF NOT EXISTS memoria_tui.connected_agents (
    process   uuid NOT NULL,
    name      text NOT NULL,
    program   text NOT NULL,
    since     timestamptz NOT NULL,
    calls     bigint NOT NULL,
    errors    bigint NOT NULL,
    last_call text NOT NULL,
    last_at   timestamptz NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (process, name)
);
COMMENT ON COLUMN memoria_tui.connected_agents.process IS 'drawn by lot at the start of the program';
COMMENT ON COLUMN memoria_tui.connected_agents.seen_at IS 'when the program last said that it runs';

-- When an access token was last used, to within a few seconds.
CREATE TABLE IF NOT EXISTS memoria_tui.token_uses (
    name    text PRIMARY KEY,
    used_at timestamptz NOT NULL
);
