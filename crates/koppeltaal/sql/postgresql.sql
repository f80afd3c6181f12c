-- The tables of the crate koppeltaal in PostgreSQL 12 or later. The crate runs the same text, in
-- `koppeltaal::migrate_postgresql` or when it opens the database, so this file is needed only where somebody
-- else makes the tables.
--
-- A new database:  psql --single-transaction --set ON_ERROR_STOP=1 --file postgresql.sql
-- A later version: the steps that have not run yet, each in a transaction. The last step of each part that
--                  has run: SELECT part, format FROM koppeltaal_format;
--
-- The tables are made in the current schema. The role of the application needs no right to make any:
--
--     GRANT SELECT ON koppeltaal_format TO application;
--     GRANT SELECT, INSERT, UPDATE, DELETE
--         ON koppeltaal_outbox, koppeltaal_version, koppeltaal_dead_letter TO application;
--
-- What an application may rely on in koppeltaal_outbox: it may read `identifier`, `domain`, `event`, `focal`
-- (the resource), `message` (JSON; NULL when sent), `state` (waiting, sending, sent, refused, given-up),
-- `attempts`, `fault_kind`, `fault`, `fault_detail` (the last error), `created_at` and `changed_at`. It
-- inserts rows by `Outgoing::INSERT_POSTGRESQL` only, and changes or deletes none: `Outbox` has methods for
-- that. The other columns are the dispatcher's, and may change.
--
-- Released steps do not change. A message is data of a patient, and so is `focal`, `resource`, `fault`,
-- `fault_detail` and `reason`: protect the database like a patient file.

-- step: format 1
CREATE TABLE koppeltaal_format (part text PRIMARY KEY, format bigint NOT NULL);

-- step: outbox 1
CREATE TABLE koppeltaal_outbox (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identifier text NOT NULL UNIQUE,
    domain text NOT NULL,
    event text NOT NULL,
    focal text NOT NULL,
    message text,
    state text NOT NULL DEFAULT 'waiting',
    attempts bigint NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT clock_timestamp(),
    posted_at timestamptz,
    holder text,
    fault_kind text,
    fault text,
    fault_detail text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX koppeltaal_outbox_open ON koppeltaal_outbox (domain, place)
    WHERE state IN ('waiting', 'sending', 'refused');
CREATE INDEX koppeltaal_outbox_focal ON koppeltaal_outbox (domain, focal, place)
    WHERE state IN ('waiting', 'sending', 'refused');
CREATE INDEX koppeltaal_outbox_state ON koppeltaal_outbox (state, place);
INSERT INTO koppeltaal_format (part, format) VALUES ('outbox', 1);

-- step: outbox 2
ALTER TABLE koppeltaal_outbox ADD COLUMN unsettled bigint NOT NULL DEFAULT 0;
UPDATE koppeltaal_format SET format = 2 WHERE part = 'outbox';

-- step: outbox 3
ALTER TABLE koppeltaal_outbox
    ADD COLUMN failures bigint NOT NULL DEFAULT 0,
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN failed_at timestamptz,
    ALTER COLUMN not_before SET DEFAULT to_timestamp(0);
DROP INDEX koppeltaal_outbox_open;
CREATE INDEX koppeltaal_outbox_due ON koppeltaal_outbox (domain, not_before, place)
    WHERE state IN ('waiting', 'sending');
CREATE INDEX koppeltaal_outbox_sent ON koppeltaal_outbox (domain, changed_at) WHERE state = 'sent';
UPDATE koppeltaal_format SET format = 3 WHERE part = 'outbox';

-- step: versions 1
CREATE TABLE koppeltaal_version (
    domain text NOT NULL, resource text NOT NULL, version text COLLATE "C" NOT NULL,
    PRIMARY KEY (domain, resource));
INSERT INTO koppeltaal_format (part, format) VALUES ('versions', 1);

-- step: dead_letters 1
CREATE TABLE koppeltaal_dead_letter (
    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain text NOT NULL,
    identifier text NOT NULL,
    event text,
    message text NOT NULL,
    reason text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (domain, identifier));
CREATE INDEX koppeltaal_dead_letter_failed ON koppeltaal_dead_letter (domain, failed_at);
INSERT INTO koppeltaal_format (part, format) VALUES ('dead_letters', 1);
