-- The tables of the crate koppeltaal in SQLite. The crate runs the same text, in `koppeltaal::migrate_sqlite`
-- or when it opens a file, so this file is needed only where somebody else makes the tables.
--
-- A new file:      sqlite3 epd.db < sqlite.sql
-- A later version: the steps that have not run yet, each in a transaction. The last step of each part that
--                  has run: SELECT part, format FROM koppeltaal_format;
--
-- What an application may rely on in koppeltaal_outbox: it may read `identifier`, `domain`, `event`, `focal`
-- (the resource), `message` (JSON; NULL when sent), `state` (waiting, sending, sent, refused, given-up),
-- `attempts`, `fault_kind`, `fault`, `fault_detail` (the last error), `created_at` and `changed_at`. It
-- inserts rows by `Outgoing::INSERT_SQLITE` only, and changes or deletes none: `Outbox` has methods for that.
-- The other columns are the dispatcher's, and may change.
--
-- Released steps do not change. Times are milliseconds since 1970. A message is data of a patient, and so is
-- `focal`, `resource`, `fault`, `fault_detail` and `reason`: protect the file like a patient file.

-- step: format 1
CREATE TABLE koppeltaal_format (part TEXT PRIMARY KEY, format INTEGER NOT NULL);

-- step: outbox 1
CREATE TABLE koppeltaal_outbox (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    identifier TEXT NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    event TEXT NOT NULL,
    focal TEXT NOT NULL,
    message TEXT,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL,
    posted_at INTEGER,
    holder TEXT,
    fault_kind TEXT,
    fault TEXT,
    fault_detail TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL);
CREATE INDEX koppeltaal_outbox_open ON koppeltaal_outbox (domain, place)
    WHERE state IN ('waiting', 'sending', 'refused');
CREATE INDEX koppeltaal_outbox_focal ON koppeltaal_outbox (domain, focal, place)
    WHERE state IN ('waiting', 'sending', 'refused');
CREATE INDEX koppeltaal_outbox_state ON koppeltaal_outbox (state, place);
INSERT INTO koppeltaal_format (part, format) VALUES ('outbox', 1);

-- step: outbox 2
ALTER TABLE koppeltaal_outbox ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0;
UPDATE koppeltaal_format SET format = 2 WHERE part = 'outbox';

-- step: outbox 3
ALTER TABLE koppeltaal_outbox ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE koppeltaal_outbox ADD COLUMN failing_since INTEGER;
ALTER TABLE koppeltaal_outbox ADD COLUMN failed_at INTEGER;
DROP INDEX koppeltaal_outbox_open;
CREATE INDEX koppeltaal_outbox_due ON koppeltaal_outbox (domain, not_before, place)
    WHERE state IN ('waiting', 'sending');
CREATE INDEX koppeltaal_outbox_sent ON koppeltaal_outbox (domain, changed_at) WHERE state = 'sent';
UPDATE koppeltaal_format SET format = 3 WHERE part = 'outbox';

-- step: versions 1
CREATE TABLE koppeltaal_version (
    domain TEXT NOT NULL, resource TEXT NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (domain, resource)) WITHOUT ROWID;
INSERT INTO koppeltaal_format (part, format) VALUES ('versions', 1);

-- step: dead_letters 1
CREATE TABLE koppeltaal_dead_letter (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    domain TEXT NOT NULL,
    identifier TEXT NOT NULL,
    event TEXT,
    message TEXT NOT NULL,
    reason TEXT NOT NULL,
    failed_at INTEGER NOT NULL,
    UNIQUE (domain, identifier));
CREATE INDEX koppeltaal_dead_letter_failed ON koppeltaal_dead_letter (domain, failed_at);
INSERT INTO koppeltaal_format (part, format) VALUES ('dead_letters', 1);
