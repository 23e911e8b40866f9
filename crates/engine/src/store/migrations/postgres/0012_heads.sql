-- What several servers on one ledger need: who they are, whose a lease is, one clock, and news of what others have changed.
-- SQLite has no such version: one server alone uses it.

-- The servers that live, or have not been missed yet. beat is when one last said that it lives, by the clock below.
CREATE TABLE heads (
    id      BIGINT PRIMARY KEY,
    name    TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    started BIGINT NOT NULL,
    beat    BIGINT NOT NULL
);

-- The server that runs the attempt, and the one that writes the document. NULL: of one that was alone.
ALTER TABLE jobs ADD COLUMN owner BIGINT;
ALTER TABLE documents ADD COLUMN owner BIGINT;

-- The clock of leases and beats, in microseconds since 1970 UTC: that of the database, whatever the servers' clocks say.
CREATE FUNCTION lease_clock() RETURNS BIGINT LANGUAGE sql STABLE
    AS $$ SELECT (EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::BIGINT $$;

-- The server that a connection belongs to; NULL for a command.
CREATE FUNCTION this_head() RETURNS BIGINT LANGUAGE sql STABLE
    AS $$ SELECT NULLIF(current_setting('fieldstone.head', true), '')::BIGINT $$;

-- Tells every server of this ledger what has changed, once it is committed: who has changed it, what kind of thing, which.
CREATE FUNCTION tell(ledger NAME, news TEXT) RETURNS VOID LANGUAGE sql
    AS $$ SELECT pg_notify('fieldstone_' || md5(ledger::text), COALESCE(this_head(), 0) || ' ' || news) $$;

CREATE FUNCTION tell_of_job() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM tell(TG_TABLE_SCHEMA, 'job ' || OLD.project_id || ' ' || OLD.id || ' gone');
    ELSE
        PERFORM tell(TG_TABLE_SCHEMA, 'job ' || NEW.project_id || ' ' || NEW.id || ' '
            || CASE WHEN NEW.state = 'pending' AND NEW.ready = 1 THEN 'ready' ELSE NEW.state END);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER job_told AFTER INSERT OR UPDATE OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION tell_of_job();

-- Of a row with a project and a number: what it is called is the trigger's argument.
CREATE FUNCTION tell_of_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM tell(TG_TABLE_SCHEMA, TG_ARGV[0] || ' ' || OLD.project_id || ' ' || OLD.id);
    ELSE
        PERFORM tell(TG_TABLE_SCHEMA, TG_ARGV[0] || ' ' || NEW.project_id || ' ' || NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER workflow_told AFTER INSERT OR UPDATE OR DELETE ON workflows
    FOR EACH ROW EXECUTE FUNCTION tell_of_row('workflow');
CREATE TRIGGER asset_told AFTER INSERT OR UPDATE OR DELETE ON assets FOR EACH ROW EXECUTE FUNCTION tell_of_row('asset');

CREATE FUNCTION tell_of_keys() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM tell(TG_TABLE_SCHEMA, 'keys');
    RETURN NULL;
END $$;
CREATE TRIGGER key_revoked AFTER UPDATE ON keys FOR EACH ROW
    WHEN (OLD.revoked IS DISTINCT FROM NEW.revoked) EXECUTE FUNCTION tell_of_keys();
CREATE TRIGGER key_gone AFTER DELETE ON keys FOR EACH ROW EXECUTE FUNCTION tell_of_keys();
CREATE TRIGGER signing_key_changed AFTER UPDATE ON meta FOR EACH ROW
    WHEN (NEW.name = 'signing_key') EXECUTE FUNCTION tell_of_keys();
