-- Only for a database that Docker's initdb makes from these files: says which revision they amount to, as
-- `memoria-tui db upgrade` says it by itself.

CREATE TABLE IF NOT EXISTS memoria_tui.alembic_version (
    version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
);
INSERT INTO memoria_tui.alembic_version (version_num)
SELECT '0017' WHERE NOT EXISTS (SELECT 1 FROM memoria_tui.alembic_version);
