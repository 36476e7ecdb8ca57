-- What a daemon with schema 1 leaves behind: a bit of everything that a later one must find again. Encrypted with the key
-- that is made from 32 letters k. A schema that was published, and what stands here for it, is not changed any more.
UPDATE identities SET gateway_id = 'gateway-1', listed_to_ns = 1700000000123000000, horizon_ns = 1700000001000000000,
  links = 3, revision = 7, answered_instance = 'instance-1', answered_epoch = 'epoch-2', answered_revision = 6, floor = 2;
UPDATE counters SET value = 9 WHERE name = 'change';
UPDATE counters SET value = 93821762229153343 WHERE name = 'key_id';
INSERT INTO epochs (identity, epoch, first_revision) VALUES (1, 'epoch-1', 1), (1, 'epoch-2', 3);

-- In service and acknowledged; another in quarantine with nothing in service.
INSERT INTO artifacts (identity, id, kind, wanted, deployment_id, at_ns, at_text, by_absence, changed, fetched, verdict,
  waiting, went_back_body, went_back_at_ms, question, question_change, gone_since_ns) VALUES
  (1, 'a', 'RestApi', 0, 'd1', 1700000000123000000, '2023-11-14T22:13:20.123Z', 0, 4, 'd1', 1, 0, '', 0, 0, 0, 0),
  (1, 'b', 'RestApi', 0, 'd2', 1700000000456000000, '2023-11-14T22:13:20.456Z', 0, 5, 'd2', 0, 0, '', 0, 0, 0, 0);
INSERT INTO offers (identity, kind, id, artifact, rank, present, revision, body, at_ms, may_settle, good_body, good_at_ms,
  refused_body, refused_at_ms, refused_reason, refused_since_ns, sent_body, sent_at_ms, sent_push) VALUES
  (1, 'RestApi', 'a', 1, 4, 1, 5, 'd1', 1700000000123, 0, 'd1', 1700000000123, NULL, NULL, NULL, NULL, '', 0, 0),
  (1, 'RestApi', 'b', 1, 4, 0, 7, '', 0, 1, '', 0, 'd2', 1700000000456, 'no such backend', 1700000002000000000, '', 0, 0),
  (1, 'Secret', 's', 0, 0, 1, 4, '#7', 0, 0, '#7', 0, NULL, NULL, NULL, NULL, '', 0, 0),
  (1, 'SubscriptionPlan', 'p', 0, 1, 1, 6, '#8', 0, 0, '#8', 0, NULL, NULL, NULL, NULL, '', 0, 0);
INSERT INTO resources (identity, kind, id, artifact_id, name, gone, body, updated_at_ns, unconfirmed, hash, fetched_hash,
  changed, waiting, gone_since_ns) VALUES
  (1, 'Secret', 's', '', 'GENERIC', 0, '#7', 1700000000000000000, 0, 'h1', 'h1', 7, 0, 0),
  (1, 'SubscriptionPlan', 'p', '', 'Gold', 0, '#8', 1700000000000000000, 0, '', '', 8, 0, 0);
INSERT INTO bodies (identity, owner_kind, owner_id, key, handle, key_id, document) VALUES
  (1, 'RestApi', 'a', 'd1', 'petstore', 93821762229153343,
   x'01010101010101010101010101fc75a85af5157809c53747764528d67edce4dac236474ca5a1198753b38c9f622762c064db8403c9892663e47d54e67e8ee8d130576f9ba497'),
  (1, 'RestApi', 'b', 'd2', 'orders', 93821762229153343,
   x'01020202020202020202020202ece0190d0381c56364395044fc6015836bda6c0d583e1d171a12b0270739f0550aabd925aa277b158d44b53d75d17f210d3dede8e554dc'),
  (1, 'Secret', 's', '#7', '', 93821762229153343,
   x'01030303030303030303030303ee90d570d19ba5e30f22daa330acafa0e023d60f5f0f92bc8b64dcf6a4520817ef4479955b25d17715a3104b140aa0c5'),
  (1, 'SubscriptionPlan', 'p', '#8', '', 0, CAST('{"id":"p","planName":"Gold"}' AS BLOB));
INSERT INTO body_references (identity, owner_kind, owner_id, key, position, kind, name) VALUES
  (1, 'RestApi', 'a', 'd1', 0, 'Secret', 's');
INSERT INTO pending (identity, type, kind, id, doubt, deployment, first_ns, last_ns, doubt_change) VALUES
  (1, 'api.deployed', 'RestApi', 'b', 0, 1, 1700000000456000000, 1700000000456000000, 0);
INSERT INTO event_types (identity, type, seen_ns) VALUES (1, 'api.deployed', 1700000000456000000);
INSERT INTO correlations (identity, correlation_id, at_ns) VALUES (1, 'c-1', 1700000000456000000);
INSERT INTO outbox (identity, artifact_id, kind, deployment_id, deploy, success, at_text, at_ns, sent_token) VALUES
  (1, 'a', 'RestApi', 'd1', 1, 1, '2023-11-14T22:13:20.123Z', 1700000000123000000, 0);
