-- What tetherd stores. Every table belongs to an identity: a gateway id that the control plane named, so that nothing
-- of two gateways is ever mixed. Columns ending in `_ns` and `_ms` are nanoseconds and milliseconds since 1970, UTC;
-- 0 means "none". `change` is the store's counter, `revision` the sequence that the gateway is told; neither is a clock.

-- One row for each identity, with its marks: the one in service, the staged one beside it, and one that was in service
-- until the gateway has answered a push of the one that took its place. `gateway_id` is empty until the control plane
-- has named it.
CREATE TABLE identities (
  identity          INTEGER PRIMARY KEY,
  gateway_id        TEXT    NOT NULL UNIQUE,
  serving           INTEGER NOT NULL,            -- 1: the one that the gateway is given
  staged            INTEGER NOT NULL DEFAULT 0,  -- 1: the one that the control plane names instead,
  since_ns          INTEGER NOT NULL DEFAULT 0,  --   since when (wall clock)
  taking_over       INTEGER NOT NULL DEFAULT 0,  -- 1: it is served, and the gateway has not answered a push of it yet
  address           TEXT    NOT NULL DEFAULT '', -- of the control plane that named it last
  moved             INTEGER NOT NULL DEFAULT 0,  -- 1: from another address; what that one lacks is not believed yet
  revision          INTEGER NOT NULL DEFAULT 1,  -- the sequence of its offers; empty it is at 1
  listed_to_ns      INTEGER NOT NULL DEFAULT 0,  -- newest deployedAt of the last full listing
  horizon_ns        INTEGER NOT NULL DEFAULT 0,  -- deployment events up to here are history
  links             INTEGER NOT NULL DEFAULT 0,  -- how many links there were
  answered_instance TEXT    NOT NULL DEFAULT '', -- the last push that was answered: by whom, up to where
  answered_epoch    TEXT    NOT NULL DEFAULT '',
  answered_revision INTEGER NOT NULL DEFAULT 0,
  floor             INTEGER NOT NULL DEFAULT 0   -- highest revision of a dropped tombstone
);
CREATE UNIQUE INDEX identities_serving ON identities (serving) WHERE serving = 1;
CREATE UNIQUE INDEX identities_staged ON identities (staged) WHERE staged = 1;
INSERT INTO identities (identity, gateway_id, serving) VALUES (1, '', 1);

-- `change`, over all identities. `key_id` names the key that `bodies` were last seen to be encrypted with.
CREATE TABLE counters (
  name  TEXT    PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('change', 0), ('key_id', 0);

-- One row for each start of the daemon and each switch to another identity, in order. What an epoch remembers ends where
-- the next one begins. They are the store's, not an identity's: the next one's first push is known to be a new one.
CREATE TABLE epochs (
  number         INTEGER PRIMARY KEY,
  identity       INTEGER NOT NULL,  -- in service then
  epoch          TEXT    NOT NULL UNIQUE,
  first_revision INTEGER NOT NULL
);

-- What the control plane wants of each artifact, and what is still open about it.
CREATE TABLE artifacts (
  identity             INTEGER NOT NULL,
  id                   TEXT    NOT NULL,
  kind                 TEXT    NOT NULL,
  wanted               INTEGER NOT NULL,  -- 0 deployed, 1 undeployed, 2 gone (a tombstone)
  deployment_id        TEXT    NOT NULL,
  at_ns                INTEGER NOT NULL,
  at_text              TEXT    NOT NULL,  -- as received: acks echo it
  by_absence           INTEGER NOT NULL,  -- 1: concluded, nobody said it
  changed              INTEGER NOT NULL,  -- change at which `wanted` last changed
  fetched              TEXT    NOT NULL,  -- deployment id whose document is here, or empty
  verdict              INTEGER NOT NULL,  -- 0 none, 1 success, 2 failed
  waiting              INTEGER NOT NULL,  -- 1: something that the document refers to is not offered
  absent_link          INTEGER,           -- a listing lacked it: under which link,
  absent_asked_ms      INTEGER,           --   asked when (the engine's own count, no time of day),
  absent_change        INTEGER,           --   and at which change; NULL: none did
  went_back_link       INTEGER,           -- likewise: a listing had an earlier row,
  went_back_asked_ms   INTEGER,
  went_back_change     INTEGER,
  went_back_body       TEXT    NOT NULL,  --   this deployment
  went_back_at_ms      INTEGER NOT NULL,  --   of this time
  question             INTEGER NOT NULL,  -- `exists` is to be asked because of: 0 nothing, 1 a deleted event, 2 absence
  question_change      INTEGER NOT NULL,  -- `changed` when that was noted
  gone_since_ns        INTEGER NOT NULL,
  PRIMARY KEY (identity, id)
) WITHOUT ROWID;
CREATE INDEX artifacts_deployed ON artifacts (identity, kind, id) WHERE wanted = 0;
-- Work left: each index is empty while there is none.
CREATE INDEX artifacts_without_document ON artifacts (identity, changed) WHERE wanted = 0 AND fetched <> deployment_id;
CREATE INDEX artifacts_with_question ON artifacts (identity, changed) WHERE question <> 0;
CREATE INDEX artifacts_waiting ON artifacts (identity, changed) WHERE waiting = 1;
CREATE INDEX artifacts_absent ON artifacts (identity) WHERE absent_change IS NOT NULL;
CREATE INDEX artifacts_went_back ON artifacts (identity) WHERE went_back_change IS NOT NULL;
CREATE INDEX artifacts_gone ON artifacts (identity, gone_since_ns) WHERE wanted = 2;

-- Everything that is no artifact: keys, plans, subscriptions, applications, secrets.
CREATE TABLE resources (
  identity        INTEGER NOT NULL,
  kind            TEXT    NOT NULL,
  id              TEXT    NOT NULL,
  artifact_id     TEXT    NOT NULL,  -- what it belongs to, or empty
  name            TEXT    NOT NULL,
  gone            INTEGER NOT NULL,  -- 1: a tombstone
  body            TEXT    NOT NULL,  -- key of the wanted content, or empty while that is not here
  updated_at_ns   INTEGER NOT NULL,
  unconfirmed     INTEGER NOT NULL,  -- 1: an event alone said it (whole seconds, members may be missing), or one answer
  hash            TEXT    NOT NULL,  -- secrets: the wanted one,
  fetched_hash    TEXT    NOT NULL,  --   and the one that `body` belongs to
  changed         INTEGER NOT NULL,
  waiting         INTEGER NOT NULL,
  absent_link     INTEGER,
  absent_asked_ms INTEGER,
  absent_change   INTEGER,
  gone_since_ns   INTEGER NOT NULL,
  PRIMARY KEY (identity, kind, id)
) WITHOUT ROWID;
CREATE INDEX resources_of_artifact ON resources (identity, artifact_id, kind, name) WHERE artifact_id <> '';
CREATE INDEX resources_without_value ON resources (identity, changed)
  WHERE kind = 'Secret' AND gone = 0 AND (body = '' OR fetched_hash <> hash);
CREATE INDEX resources_waiting ON resources (identity, changed) WHERE waiting = 1;
CREATE INDEX resources_absent ON resources (identity) WHERE absent_change IS NOT NULL;
CREATE INDEX resources_gone ON resources (identity, gone_since_ns) WHERE gone = 1;

-- What the gateway should have of each artifact and resource, and how it took it. This is what pushes read.
CREATE TABLE offers (
  identity         INTEGER NOT NULL,
  kind             TEXT    NOT NULL,
  id               TEXT    NOT NULL,
  artifact         INTEGER NOT NULL,  -- 1: a row of `artifacts`, 0: of `resources`
  rank             INTEGER NOT NULL,  -- place of the kind in the order of application, small first
  present          INTEGER NOT NULL,  -- 1: something is offered, 0: its removal
  revision         INTEGER NOT NULL,  -- at which the offer last changed; 0: never offered
  body             TEXT    NOT NULL,  -- the version offered: key in `bodies`, or empty,
  at_ms            INTEGER NOT NULL,  --   and the deployment's time
  lost             INTEGER NOT NULL DEFAULT 0,  -- 1: that body cannot be read; no push carries it
  may_settle       INTEGER NOT NULL,  -- 1: an artifact's, and only the gateway's answer is missing for its verdict
  good_body        TEXT    NOT NULL,  -- the last version that a gateway answered it accepted
  good_at_ms       INTEGER NOT NULL,
  refused_body     TEXT,              -- the version that the gateway refused, NULL: none
  refused_at_ms    INTEGER,
  refused_reason   TEXT,
  refused_since_ns INTEGER,
  sent_body        TEXT    NOT NULL,  -- what push `sent_push` carried, if the offer has changed since
  sent_at_ms       INTEGER NOT NULL,
  sent_push        INTEGER NOT NULL,
  PRIMARY KEY (identity, kind, id)
) WITHOUT ROWID;
CREATE INDEX offers_by_rank ON offers (identity, rank, kind, id) WHERE present = 1;
CREATE INDEX offers_by_revision ON offers (identity, revision) WHERE revision > 0;
-- By revision: an answer ends those up to its own, and looks at no others, however many wait.
CREATE INDEX offers_may_settle ON offers (identity, revision) WHERE may_settle = 1;
CREATE INDEX offers_lost ON offers (identity, revision) WHERE lost = 1;
CREATE INDEX offers_refused ON offers (identity, kind, id) WHERE refused_body IS NOT NULL;
CREATE INDEX offers_sent ON offers (identity, sent_push) WHERE sent_push <> 0;

-- How many of each kind are offered, kept by the triggers below so that nobody needs to count.
CREATE TABLE offer_counts (
  identity INTEGER NOT NULL,
  kind     TEXT    NOT NULL,
  offered  INTEGER NOT NULL,
  PRIMARY KEY (identity, kind)
) WITHOUT ROWID;
CREATE TRIGGER offers_inserted AFTER INSERT ON offers WHEN new.present = 1 BEGIN
  INSERT INTO offer_counts (identity, kind, offered) VALUES (new.identity, new.kind, 1)
    ON CONFLICT DO UPDATE SET offered = offered + 1;
END;
CREATE TRIGGER offers_updated AFTER UPDATE OF present ON offers WHEN new.present <> old.present BEGIN
  INSERT INTO offer_counts (identity, kind, offered) VALUES (new.identity, new.kind, new.present)
    ON CONFLICT DO UPDATE SET offered = offered + new.present - old.present;
END;
CREATE TRIGGER offers_deleted AFTER DELETE ON offers WHEN old.present = 1 BEGIN
  UPDATE offer_counts SET offered = offered - 1 WHERE identity = old.identity AND kind = old.kind;
END;

-- Documents (artifacts: the YAML, byte for byte) and data (others: one JSON object). Immutable under their key, kept
-- as long as their owner's row or offer names them. What may hold a credential is encrypted (body_sealer.h).
CREATE TABLE bodies (
  identity   INTEGER NOT NULL,
  owner_kind TEXT    NOT NULL,
  owner_id   TEXT    NOT NULL,
  key        TEXT    NOT NULL,
  handle     TEXT    NOT NULL,  -- artifacts: metadata.name
  key_id     INTEGER NOT NULL,  -- the key that it is encrypted with; 0: none, -1: it was found to be damaged
  document   BLOB    NOT NULL,
  PRIMARY KEY (identity, owner_kind, owner_id, key)
);
CREATE INDEX bodies_by_handle ON bodies (identity, owner_kind, handle) WHERE handle <> '';

-- What a body refers to: artifacts by handle, others by id.
CREATE TABLE body_references (
  identity   INTEGER NOT NULL,
  owner_kind TEXT    NOT NULL,
  owner_id   TEXT    NOT NULL,
  key        TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  kind       TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  PRIMARY KEY (identity, owner_kind, owner_id, key, position),
  FOREIGN KEY (identity, owner_kind, owner_id, key) REFERENCES bodies ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX body_references_by_name ON body_references (identity, kind, name);

-- Events whose effect the gateway has not answered (`doubt_change` 0), and events that wait for a full listing asked
-- after that change. One resource may have both for one type.
CREATE TABLE pending (
  identity     INTEGER NOT NULL,
  type         TEXT    NOT NULL,
  kind         TEXT    NOT NULL,
  id           TEXT    NOT NULL,
  doubt        INTEGER NOT NULL,  -- 1: `doubt_change` is set
  deployment   INTEGER NOT NULL,  -- 1: the type is `*.deployed` or `*.undeployed`
  first_ns     INTEGER NOT NULL,
  last_ns      INTEGER NOT NULL,
  doubt_change INTEGER NOT NULL,
  PRIMARY KEY (identity, type, kind, id, doubt)
) WITHOUT ROWID;
CREATE INDEX pending_by_type ON pending (identity, type, first_ns);
CREATE INDEX pending_by_resource ON pending (identity, kind, id);
CREATE INDEX pending_deployments ON pending (identity, first_ns) WHERE deployment = 1;
CREATE INDEX pending_doubts ON pending (identity, doubt_change) WHERE doubt = 1;

-- Events about content that wait for the listing that has the last word: what they say counts if that is refused.
CREATE TABLE hints (
  identity    INTEGER NOT NULL,
  kind        TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  artifact_id TEXT    NOT NULL,  -- what it belongs to, or empty
  name        TEXT    NOT NULL,
  refers_to   TEXT    NOT NULL,  -- a subscription's plan, or empty
  deleted     INTEGER NOT NULL,
  lacked      INTEGER NOT NULL,  -- 1: a listing did not have it, and another one is asked
  change      INTEGER NOT NULL,  -- when it came: a listing asked after it has the last word
  key_id      INTEGER NOT NULL,  -- as in `bodies`
  data        BLOB    NOT NULL,
  PRIMARY KEY (identity, kind, id)
) WITHOUT ROWID;

-- The newest time seen of each event type.
CREATE TABLE event_types (
  identity INTEGER NOT NULL,
  type     TEXT    NOT NULL,
  seen_ns  INTEGER NOT NULL,
  PRIMARY KEY (identity, type)
) WITHOUT ROWID;

-- Deletion brakes, one for each listing. Times but the first are the engine's own count, no time of day.
CREATE TABLE holds (
  identity       INTEGER NOT NULL,
  scope          TEXT    NOT NULL,
  since_ns       INTEGER NOT NULL,
  would_go       INTEGER NOT NULL,
  in_service     INTEGER NOT NULL,
  began          INTEGER NOT NULL,  -- change at which it began,
  noted          INTEGER NOT NULL,  --   and at which the listing last lacked something more
  held_ms        INTEGER NOT NULL,  -- for how long listings have lacked nothing more
  judged_link    INTEGER NOT NULL,  -- the last one: under which link,
  judged_ms      INTEGER NOT NULL,  --   and when
  keeps_some     INTEGER NOT NULL,  -- 1: it has something that was here when the hold began
  release        INTEGER NOT NULL,  -- 0 held, 1 an operator agreed, 2 what is missing may go
  release_link   INTEGER NOT NULL,  --   under this link,
  release_change INTEGER NOT NULL,  --   if a listing asked after this change lacks it
  PRIMARY KEY (identity, scope)
) WITHOUT ROWID;

-- What the holds are about: a listing that lacks anything else is another matter.
CREATE TABLE held_resources (
  identity INTEGER NOT NULL,
  scope    TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  id       TEXT    NOT NULL,
  PRIMARY KEY (identity, scope, kind, id)
) WITHOUT ROWID;

-- Correlation ids of events that nothing but their id tells apart, for an hour.
CREATE TABLE correlations (
  number         INTEGER PRIMARY KEY,
  identity       INTEGER NOT NULL,
  correlation_id TEXT    NOT NULL,
  at_ns          INTEGER NOT NULL,
  UNIQUE (identity, correlation_id)
);
CREATE INDEX correlations_by_time ON correlations (identity, at_ns);

-- Acks that wait until they are known to have been read, one for each artifact.
CREATE TABLE outbox (
  number        INTEGER PRIMARY KEY,  -- in the order in which they were put
  identity      INTEGER NOT NULL,
  artifact_id   TEXT    NOT NULL,
  kind          TEXT    NOT NULL,
  deployment_id TEXT    NOT NULL,
  deploy        INTEGER NOT NULL,  -- 1 deploy, 0 undeploy
  success       INTEGER NOT NULL,
  at_text       TEXT    NOT NULL,
  at_ns         INTEGER NOT NULL,
  sent_token    INTEGER NOT NULL,  -- the ping that followed it on this link, or 0
  UNIQUE (identity, artifact_id)
);
CREATE INDEX outbox_unsent ON outbox (identity, number) WHERE sent_token = 0;
CREATE INDEX outbox_sent ON outbox (identity, sent_token) WHERE sent_token > 0;
