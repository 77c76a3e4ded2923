-- Tables shared with MCP Memoria, in schema public: same names, columns, constraints and indexes as its own.
-- Every statement can be repeated, and leaves alone what is there already.

DO $$
BEGIN
    IF to_regtype('public.session_category') IS NULL THEN
        CREATE TYPE public.session_category AS ENUM
            ('coding', 'review', 'meeting', 'support', 'research', 'documentation', 'devops', 'other');
    END IF;
    IF to_regtype('public.session_status') IS NULL THEN
        CREATE TYPE public.session_status AS ENUM ('active', 'paused', 'completed');
    END IF;
    IF to_regtype('public.relation_type') IS NULL THEN
        CREATE TYPE public.relation_type AS ENUM
            ('causes', 'fixes', 'supports', 'opposes', 'follows', 'supersedes', 'derives', 'part_of', 'related');
    END IF;
    IF to_regtype('public.relation_creator') IS NULL THEN
        CREATE TYPE public.relation_creator AS ENUM ('user', 'auto', 'system');
    END IF;
END
$$;

CREATE TABLE IF NOT EXISTS public.clients (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL UNIQUE,
    metadata   jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now()
);

CREATE TABLE IF NOT EXISTS public.projects (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id  uuid REFERENCES public.clients (id) ON DELETE SET NULL,
    name       text NOT NULL,
    repo       text,
    metadata   jsonb DEFAULT '{}'::jsonb,
    created_at timestamptz DEFAULT now(),
    updated_at timestamptz DEFAULT now(),
    UNIQUE (client_id, name)
);
CREATE INDEX IF NOT EXISTS idx_projects_client ON public.projects (client_id);
CREATE INDEX IF NOT EXISTS idx_projects_repo ON public.projects (repo) WHERE repo IS NOT NULL;

CREATE TABLE IF NOT EXISTS public.work_sessions (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    description         text NOT NULL,
    category            public.session_category NOT NULL DEFAULT 'coding',
    client_id           uuid REFERENCES public.clients (id) ON DELETE SET NULL,
    project_id          uuid REFERENCES public.projects (id) ON DELETE SET NULL,
    issue_number        integer,
    pr_number           integer,
    branch              text,
    start_time          timestamptz NOT NULL DEFAULT now(),
    end_time            timestamptz,
    pauses              jsonb DEFAULT '[]'::jsonb,
    total_pause_minutes integer DEFAULT 0,
    duration_minutes    integer GENERATED ALWAYS AS (
        CASE
            WHEN end_time IS NOT NULL
            THEN GREATEST(0, EXTRACT(EPOCH FROM (end_time - start_time))::integer / 60 - total_pause_minutes)
        END
    ) STORED,
    status              public.session_status DEFAULT 'active',
    notes               text[] DEFAULT '{}'::text[],
    memory_id           uuid,
    created_at          timestamptz DEFAULT now(),
    updated_at          timestamptz DEFAULT now()
);
CREATE INDEX IF NOT EXISTS idx_sessions_active ON public.work_sessions (id) WHERE status = 'active';
CREATE INDEX IF NOT EXISTS idx_sessions_category ON public.work_sessions (category);
CREATE INDEX IF NOT EXISTS idx_sessions_client ON public.work_sessions (client_id);
CREATE INDEX IF NOT EXISTS idx_sessions_project ON public.work_sessions (project_id);
CREATE INDEX IF NOT EXISTS idx_sessions_start_time ON public.work_sessions (start_time DESC);
CREATE INDEX IF NOT EXISTS idx_sessions_status ON public.work_sessions (status);
CREATE INDEX IF NOT EXISTS idx_sessions_time_client ON public.work_sessions (start_time, client_id);

CREATE TABLE IF NOT EXISTS public.memory_relations (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source_id     uuid NOT NULL,
    target_id     uuid NOT NULL,
    relation_type public.relation_type NOT NULL,
    weight        double precision DEFAULT 1.0,
    created_by    public.relation_creator DEFAULT 'user',
    metadata      jsonb DEFAULT '{}'::jsonb,
    created_at    timestamptz DEFAULT now(),
    UNIQUE (source_id, target_id, relation_type),
    CONSTRAINT memory_relations_check CHECK (source_id <> target_id),
    CONSTRAINT memory_relations_weight_check CHECK (weight >= 0 AND weight <= 1)
);
CREATE INDEX IF NOT EXISTS idx_relations_source ON public.memory_relations (source_id);
CREATE INDEX IF NOT EXISTS idx_relations_source_type ON public.memory_relations (source_id, relation_type);
CREATE INDEX IF NOT EXISTS idx_relations_target ON public.memory_relations (target_id);
CREATE INDEX IF NOT EXISTS idx_relations_target_type ON public.memory_relations (target_id, relation_type);
CREATE INDEX IF NOT EXISTS idx_relations_type ON public.memory_relations (relation_type);

CREATE TABLE IF NOT EXISTS public.rejected_suggestions (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source_id     uuid NOT NULL,
    target_id     uuid NOT NULL,
    relation_type text NOT NULL,
    rejected_at   timestamptz DEFAULT now(),
    UNIQUE (source_id, target_id, relation_type)
);
CREATE INDEX IF NOT EXISTS idx_rejected_suggestions_lookup ON public.rejected_suggestions (source_id, target_id);

CREATE TABLE IF NOT EXISTS public.user_settings (
    key        text PRIMARY KEY,
    value      jsonb NOT NULL,
    updated_at timestamptz DEFAULT now()
);

CREATE OR REPLACE FUNCTION public.update_updated_at_column() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER clients_updated_at BEFORE UPDATE ON public.clients
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE OR REPLACE TRIGGER projects_updated_at BEFORE UPDATE ON public.projects
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE OR REPLACE TRIGGER work_sessions_updated_at BEFORE UPDATE ON public.work_sessions
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE OR REPLACE TRIGGER user_settings_updated_at BEFORE UPDATE ON public.user_settings
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
