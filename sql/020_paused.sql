-- What the pauses of a session take from it, for reports: added up once, when they are written, by whatever program.
-- Null without pauses; else as seconds the first start and the last end, both by the wall clock of their texts, the sum,
-- and the offset from UTC that all instants beside the texts have (null without any). Empty where they are not plain:
-- closed, one after the other, and read without a doubt.
CREATE OR REPLACE FUNCTION memoria_tui.paused(pauses jsonb) RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    pause jsonb;
    name text;
    written text;
    beside text;
    read timestamp;
    reached timestamp;
    first timestamp;
    began timestamp;
    total double precision := 0;
    zone text;
BEGIN
    IF pauses IS NULL OR pauses = '[]' THEN
        RETURN NULL;
    ELSIF jsonb_typeof(pauses) <> 'array' THEN
        RETURN '{}';
    END IF;
    FOR pause IN SELECT jsonb_array_elements(pauses) LOOP
        FOREACH name IN ARRAY ARRAY['start', 'end'] LOOP
            written := pause ->> name;
            beside := pause ->> (name || '_at');
            IF (written ~ '^[12]\d{3}-\d\d-\d\dT([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{1,6})?$') IS NOT TRUE THEN
                RETURN '{}';
            END IF;
            read := written::timestamp;
            IF read < reached THEN
                RETURN '{}';
            END IF;
            IF beside IS NOT NULL THEN
                IF NOT starts_with(beside, written) OR substr(beside, length(written) + 1) <> zone THEN
                    RETURN '{}';
                END IF;
                zone := substr(beside, length(written) + 1);
            END IF;
            reached := read;
            IF name = 'start' THEN
                first := COALESCE(first, read);
                began := read;
            ELSE
                total := total + date_part('epoch', read - began);
            END IF;
        END LOOP;
    END LOOP;
    IF (zone ~ '^[+-]\d\d(:\d\d){1,2}$') IS FALSE THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY[date_part('epoch', first), date_part('epoch', reached), total, date_part('epoch', zone::interval)];
EXCEPTION WHEN data_exception THEN
    RETURN '{}';
END
$$;

ALTER TABLE public.work_sessions ADD COLUMN IF NOT EXISTS memoria_tui_paused double precision[]
    GENERATED ALWAYS AS (memoria_tui.paused(pauses)) STORED;
COMMENT ON COLUMN public.work_sessions.memoria_tui_paused IS 'what the pauses take from a session; see memoria_tui.paused()';

-- Few sessions last longer than a day; without this the planner of a report believes that a third do.
CREATE STATISTICS IF NOT EXISTS memoria_tui.session_length ON (end_time - start_time) FROM public.work_sessions;
