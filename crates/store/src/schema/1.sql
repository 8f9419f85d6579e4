-- Times are milliseconds since 1970, UTC. `document` columns are JSON that no query looks into.
-- {id}: a key that the database counts up. {bytes}: binary. {packed}: the rows lie in the key itself.

-- Where images are ---------------------------------------------------------------------------------

-- An Alibaba Cloud account; its instances are registries that come and go by themselves.
CREATE TABLE account (
  id {id},
  name TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL,
  secret {bytes},
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  checked_at BIGINT,
  created_at BIGINT NOT NULL
);

CREATE TABLE registry (
  id {id},
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  account BIGINT REFERENCES account (id),
  -- What the cloud calls an instance.
  instance TEXT,
  document TEXT NOT NULL,
  secret {bytes},
  -- SHA-256 of what a webhook must know.
  hook TEXT,
  state TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  -- The round of synchronising that is running or was last, and where it goes on.
  round BIGINT NOT NULL DEFAULT 0,
  cursor TEXT,
  sync_at BIGINT,
  synced_at BIGINT,
  created_at BIGINT NOT NULL,
  removed_at BIGINT
);
-- A name is free again once its registry is removed.
CREATE UNIQUE INDEX registry_name ON registry (name) WHERE removed_at IS NULL;

CREATE TABLE repository (
  id {id},
  registry BIGINT NOT NULL REFERENCES registry (id),
  name TEXT NOT NULL,
  -- The name up to its last slash; for the tree.
  namespace TEXT NOT NULL,
  -- What the registry says when nothing in it has changed.
  marker TEXT NOT NULL DEFAULT '',
  -- The last round that saw it.
  round BIGINT NOT NULL,
  -- How many images (and not indexes) it has.
  images BIGINT NOT NULL DEFAULT 0,
  removed_at BIGINT,
  UNIQUE (registry, name)
);
CREATE INDEX repository_namespace ON repository (registry, namespace);

CREATE TABLE image (
  id {id},
  digest TEXT NOT NULL UNIQUE,
  -- image, index, other
  kind TEXT NOT NULL,
  platform TEXT NOT NULL DEFAULT '',
  size BIGINT NOT NULL DEFAULT 0,
  -- Repositories that have it now, and the name of the first of them; 0: it is in no list.
  places BIGINT NOT NULL DEFAULT 0,
  name TEXT NOT NULL DEFAULT '',
  -- 0: nobody says.
  pushed_at BIGINT NOT NULL DEFAULT 0,
  first_seen BIGINT NOT NULL,
  -- Since when it is in no list.
  gone_at BIGINT,
  -- How its last scan ended: new (there was none), scanned, failed
  state TEXT NOT NULL DEFAULT 'new',
  code TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  -- The scans that did not fail; 0: there was none.
  first_scanned BIGINT NOT NULL DEFAULT 0,
  scanned_at BIGINT NOT NULL DEFAULT 0,
  -- What analysed it; others may find more.
  revision TEXT NOT NULL DEFAULT '',
  -- The release at its root, for people.
  system TEXT NOT NULL DEFAULT '',
  -- 0 known, 1 partial, 2 unknown; and why, as JSON.
  coverage BIGINT NOT NULL DEFAULT 2,
  uncovered TEXT NOT NULL DEFAULT '[]',
  components BIGINT NOT NULL DEFAULT 0,
  -- The highest level of what is open: 0 none, 1 low, 2 medium, 3 high; then how many findings are open.
  level BIGINT NOT NULL DEFAULT 0,
  system_high BIGINT NOT NULL DEFAULT 0,
  system_medium BIGINT NOT NULL DEFAULT 0,
  system_low BIGINT NOT NULL DEFAULT 0,
  application_high BIGINT NOT NULL DEFAULT 0,
  application_medium BIGINT NOT NULL DEFAULT 0,
  application_low BIGINT NOT NULL DEFAULT 0,
  malware_high BIGINT NOT NULL DEFAULT 0,
  malware_medium BIGINT NOT NULL DEFAULT 0,
  malware_low BIGINT NOT NULL DEFAULT 0,
  -- Whether its risks count it among their images.
  counted BIGINT NOT NULL DEFAULT 0
);
-- The lists show images that somebody has; indexes are shown by their images.
CREATE INDEX image_level ON image (level, id) WHERE places > 0 AND kind = 'image';
CREATE INDEX image_scanned ON image (scanned_at, id) WHERE places > 0 AND kind = 'image';
CREATE INDEX image_pushed ON image (pushed_at, id) WHERE places > 0 AND kind = 'image';
CREATE INDEX image_name ON image (name, id) WHERE places > 0 AND kind = 'image';
CREATE INDEX image_figures ON image (state, level, coverage) WHERE places > 0 AND kind = 'image';
-- What kept images from being seen whole, of which there are few kinds.
CREATE INDEX image_uncovered ON image (uncovered) WHERE places > 0 AND kind = 'image' AND first_scanned > 0;
CREATE INDEX image_gone ON image (gone_at) WHERE places = 0;
-- Whose risks have to be told.
CREATE INDEX image_unsettled ON image (id)
  WHERE counted <> CASE WHEN places > 0 AND first_scanned > 0 THEN 1 ELSE 0 END;

-- The platform images of an index.
CREATE TABLE part (
  whole BIGINT NOT NULL REFERENCES image (id),
  image BIGINT NOT NULL REFERENCES image (id),
  PRIMARY KEY (whole, image)
) {packed};
CREATE INDEX part_image ON part (image);

-- A repository has an image: by a tag, as part of an index, or by its digest alone.
CREATE TABLE place (
  repository BIGINT NOT NULL REFERENCES repository (id),
  image BIGINT NOT NULL REFERENCES image (id),
  pushed_at BIGINT NOT NULL DEFAULT 0,
  round BIGINT NOT NULL,
  PRIMARY KEY (repository, image)
) {packed};
CREATE INDEX place_image ON place (image, repository);

CREATE TABLE tag (
  repository BIGINT NOT NULL REFERENCES repository (id),
  name TEXT NOT NULL,
  image BIGINT NOT NULL REFERENCES image (id),
  pushed_at BIGINT NOT NULL DEFAULT 0,
  changed_at BIGINT NOT NULL,
  round BIGINT NOT NULL,
  PRIMARY KEY (repository, name)
) {packed};
CREATE INDEX tag_image ON tag (image, repository);
CREATE INDEX tag_name ON tag (name);

-- What is in them ----------------------------------------------------------------------------------

-- All that is shown of an image besides its components: layers, systems, gaps, attached documents.
CREATE TABLE image_detail (
  image BIGINT PRIMARY KEY REFERENCES image (id),
  document {bytes} NOT NULL
);

-- A root file system's release: which advisories speak of the components in it.
CREATE TABLE scope (
  id {id},
  hash TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  document TEXT NOT NULL
);

CREATE TABLE component (
  id {id},
  hash TEXT NOT NULL UNIQUE,
  scope BIGINT NOT NULL REFERENCES scope (id),
  -- system, application, malware: a file as such
  category TEXT NOT NULL,
  ecosystem TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX component_name ON component (name, ecosystem);
CREATE INDEX component_lower ON component (lower(name));

-- What advisories must name to be about a component: an update asks by these.
CREATE TABLE component_key (
  namespace TEXT NOT NULL,
  package TEXT NOT NULL,
  component BIGINT NOT NULL REFERENCES component (id),
  PRIMARY KEY (namespace, package, component)
) {packed};

-- The components that a layer brings into an image, where they are, and what found them: images on
-- the same base share them. The counts are of what is open, as in `image`.
CREATE TABLE contents (
  id {id},
  hash TEXT NOT NULL UNIQUE,
  document {bytes} NOT NULL,
  system_high BIGINT NOT NULL DEFAULT 0,
  system_medium BIGINT NOT NULL DEFAULT 0,
  system_low BIGINT NOT NULL DEFAULT 0,
  application_high BIGINT NOT NULL DEFAULT 0,
  application_medium BIGINT NOT NULL DEFAULT 0,
  application_low BIGINT NOT NULL DEFAULT 0,
  malware_high BIGINT NOT NULL DEFAULT 0,
  malware_medium BIGINT NOT NULL DEFAULT 0,
  malware_low BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE member (
  component BIGINT NOT NULL REFERENCES component (id),
  contents BIGINT NOT NULL REFERENCES contents (id),
  PRIMARY KEY (component, contents)
) {packed};
CREATE INDEX member_contents ON member (contents, component);

CREATE TABLE image_contents (
  image BIGINT NOT NULL REFERENCES image (id),
  layer BIGINT NOT NULL,
  contents BIGINT NOT NULL REFERENCES contents (id),
  PRIMARY KEY (image, layer)
) {packed};
CREATE INDEX image_contents_contents ON image_contents (contents, image);

-- Reports of layers, shared by all who inspect.
CREATE TABLE layer_report (
  diff_id TEXT NOT NULL,
  revision TEXT NOT NULL,
  size BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  document {bytes} NOT NULL,
  PRIMARY KEY (diff_id, revision)
);
CREATE INDEX layer_report_used ON layer_report (used_at, size);

-- What that means ----------------------------------------------------------------------------------

-- One row: the advisories that `matched` agrees with, or is just being brought to agree with.
CREATE TABLE matching (
  id BIGINT PRIMARY KEY,
  build TEXT NOT NULL,
  -- While it is being brought: what it agreed with before, and the last component that has been looked at.
  previous TEXT,
  after BIGINT NOT NULL DEFAULT 0
);
INSERT INTO matching (id, build) VALUES (1, '');

-- A vulnerability, or malicious content by its digest, in one category. What is said of it is the worst that its matches say.
CREATE TABLE risk (
  id {id},
  category TEXT NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  level BIGINT NOT NULL DEFAULT 0,
  priority BIGINT NOT NULL DEFAULT 0,
  -- Whether some match of it has a fix.
  fixable BIGINT NOT NULL DEFAULT 0,
  exploited BIGINT NOT NULL DEFAULT 0,
  -- Whether it is exploited, or pages show how.
  exploit_public BIGINT NOT NULL DEFAULT 0,
  -- Whether some match of it is attacked over the network; asks for a restart.
  remote BIGINT NOT NULL DEFAULT 0,
  restart BIGINT NOT NULL DEFAULT 0,
  epss DOUBLE PRECISION,
  -- All that is known of it wherever it occurs, as JSON: EPSS, KEV, pages that show an exploit.
  known TEXT NOT NULL DEFAULT '{}',
  published BIGINT,
  -- Components that have it, and images in which a finding of it is open.
  components BIGINT NOT NULL DEFAULT 0,
  images BIGINT NOT NULL DEFAULT 0,
  first_seen BIGINT NOT NULL,
  -- Since when no image has it open; NULL as long as `images` > 0.
  gone_at BIGINT,
  UNIQUE (category, name)
);
-- By a column that seldom changes: PostgreSQL writes an index anew with every change of what it is about.
CREATE INDEX risk_open ON risk (category, priority, id) WHERE gone_at IS NULL;
CREATE INDEX risk_name ON risk (name);

-- A component has a risk. The row stays when it has it no more, for the timeline.
CREATE TABLE matched (
  component BIGINT NOT NULL REFERENCES component (id),
  risk BIGINT NOT NULL REFERENCES risk (id),
  level BIGINT NOT NULL,
  -- What its priority is reckoned from, together with what is known of the risk: words of `model`.
  kind TEXT NOT NULL,
  severity TEXT NOT NULL,
  status TEXT NOT NULL,
  fixed TEXT,
  certain BIGINT NOT NULL DEFAULT 1,
  -- Whether it is attacked over the network; whether what has loaded it must be started anew.
  remote BIGINT NOT NULL DEFAULT 0,
  restart BIGINT NOT NULL DEFAULT 0,
  -- The rule that holds everywhere and handles it, if one does.
  exception BIGINT,
  -- When it was found first, when it was found last after it had not been there, and when it went.
  first_seen BIGINT NOT NULL,
  appeared_at BIGINT NOT NULL,
  gone_at BIGINT,
  -- Of a malicious file what says so, for rules that name it: the threat, and the rule if it is the only one.
  said_by TEXT NOT NULL DEFAULT '',
  -- The finding, but for what is known of the risk, and the start of the hash by which a change of it shows.
  hash BIGINT NOT NULL,
  document {bytes} NOT NULL,
  PRIMARY KEY (component, risk)
);
CREATE INDEX matched_risk ON matched (risk, component);
CREATE INDEX matched_gone ON matched (gone_at) WHERE gone_at IS NOT NULL;
CREATE INDEX matched_exception ON matched (exception) WHERE exception IS NOT NULL;

-- Rules by which findings are handled.
CREATE TABLE exception (
  id {id},
  -- Empty: any. A package is a name, or a package URL. A path may have * and **.
  risk TEXT NOT NULL DEFAULT '',
  package TEXT NOT NULL DEFAULT '',
  path TEXT NOT NULL DEFAULT '',
  -- What says that a file is malicious: a rule, a threat, or * for all that does. Empty: it is not about such files alone.
  rule TEXT NOT NULL DEFAULT '',
  -- Whether it holds everywhere, for all paths; else where it does, as JSON.
  everywhere BIGINT NOT NULL,
  place TEXT NOT NULL,
  -- accepted, false-positive, ignored-once, fixed
  kind TEXT NOT NULL,
  reason TEXT NOT NULL,
  person TEXT NOT NULL,
  until BIGINT,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  -- The VEX document that it comes from, or nothing.
  document TEXT NOT NULL DEFAULT ''
);
CREATE INDEX exception_document ON exception (document) WHERE document <> '';
CREATE INDEX exception_active ON exception (id) WHERE ended_at IS NULL;
CREATE INDEX exception_until ON exception (until) WHERE ended_at IS NULL;

-- VEX documents that were imported, each in its last version.
CREATE TABLE vex (
  id TEXT PRIMARY KEY,
  version TEXT NOT NULL,
  -- When it says that it last changed; NULL: it does not.
  dated BIGINT,
  person TEXT NOT NULL,
  imported_at BIGINT NOT NULL
);

-- Findings that an exception handles in one image only.
CREATE TABLE handled (
  image BIGINT NOT NULL REFERENCES image (id),
  component BIGINT NOT NULL,
  risk BIGINT NOT NULL,
  exception BIGINT NOT NULL REFERENCES exception (id),
  PRIMARY KEY (image, component, risk)
) {packed};
CREATE INDEX handled_exception ON handled (exception);
CREATE INDEX handled_risk ON handled (risk, image);

-- Figures of days, which are days since 1970; today's changes until it is over.
CREATE TABLE daily (
  day BIGINT NOT NULL,
  name TEXT NOT NULL,
  number BIGINT NOT NULL,
  PRIMARY KEY (day, name)
) {packed};

-- Doing it -----------------------------------------------------------------------------------------

CREATE TABLE task (
  id {id},
  -- change, manual, cycle
  kind TEXT NOT NULL,
  person TEXT NOT NULL,
  -- What was asked for.
  document TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  -- Items are still being added, last at `touched_at`, until it is sealed.
  sealed BIGINT NOT NULL DEFAULT 0,
  touched_at BIGINT NOT NULL,
  -- Whether its images are looked at anew that are known already.
  again BIGINT NOT NULL DEFAULT 0,
  cancelled_at BIGINT,
  ended_at BIGINT,
  -- Its items, and those of them that have ended, by state.
  total BIGINT NOT NULL DEFAULT 0,
  done BIGINT NOT NULL DEFAULT 0,
  failed BIGINT NOT NULL DEFAULT 0,
  cancelled BIGINT NOT NULL DEFAULT 0,
  exhausted BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX task_ended ON task (ended_at);

-- The one scan of a digest that is to be or running; items join it. Whoever changes several locks them in
-- the order of their digests, and before their items, and those before tasks.
CREATE TABLE work (
  id {id},
  digest TEXT NOT NULL UNIQUE,
  registry BIGINT NOT NULL,
  repository TEXT NOT NULL,
  -- The smaller the sooner: change, manual, cycle.
  priority BIGINT NOT NULL,
  -- Whether success will cost one of the quota, which running work has reserved.
  costs BIGINT NOT NULL DEFAULT 1,
  -- Whether the image is looked at anew even if it is known already.
  again BIGINT NOT NULL DEFAULT 0,
  -- ready, later, running
  state TEXT NOT NULL DEFAULT 'ready',
  -- When `later` is over, or the lease of who runs it.
  due BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  -- What the last attempt failed with.
  code TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  -- Who runs it, and the number that makes whoever had it before powerless.
  owner TEXT,
  fence BIGINT NOT NULL DEFAULT 0,
  -- pulling, analysing, matching
  stage TEXT NOT NULL DEFAULT 'pulling',
  bytes BIGINT NOT NULL DEFAULT 0,
  bytes_total BIGINT NOT NULL DEFAULT 0,
  layers BIGINT NOT NULL DEFAULT 0,
  layers_total BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX work_line ON work (state, costs, registry, priority, id);
CREATE INDEX work_due ON work (state, due);

-- How the work of one registry may be started.
CREATE TABLE lane (
  registry BIGINT PRIMARY KEY,
  -- How many at once, and in an hour; NULL: any number.
  at_once BIGINT,
  per_hour BIGINT,
  -- None before this time.
  next_at BIGINT NOT NULL DEFAULT 0,
  -- When it had its last turn.
  served_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE item (
  task BIGINT NOT NULL REFERENCES task (id),
  digest TEXT NOT NULL,
  registry BIGINT NOT NULL,
  repository TEXT NOT NULL,
  tag TEXT NOT NULL DEFAULT '',
  -- new, waiting, done, failed, cancelled, quota-exhausted. New ones are about to join their work; what
  -- a waiting one does, its work says.
  state TEXT NOT NULL,
  code TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '',
  work BIGINT,
  ended_at BIGINT,
  PRIMARY KEY (task, digest)
) {packed};
CREATE INDEX item_state ON item (task, state, digest);
CREATE INDEX item_work ON item (work) WHERE work IS NOT NULL;
CREATE INDEX item_digest ON item (digest, task);

-- One row, which also keeps those who start work apart. `total` NULL: unlimited. `used` counts the rows
-- of `ledger`.
CREATE TABLE quota (
  id BIGINT PRIMARY KEY,
  total BIGINT,
  used BIGINT NOT NULL
);
INSERT INTO quota (id, total, used) VALUES (1, NULL, 0);

-- Digests that have cost one of the quota, and so never will again.
CREATE TABLE ledger (
  id {id},
  digest TEXT NOT NULL UNIQUE,
  task BIGINT NOT NULL,
  at BIGINT NOT NULL
);

-- What only one process at a time may do: scheduling, an update of the advisories.
CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  fence BIGINT NOT NULL,
  until BIGINT NOT NULL
);

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  -- Counts its changes, so that nobody undoes one that he has not seen.
  version BIGINT NOT NULL DEFAULT 1,
  changed_at BIGINT NOT NULL
);

-- Bundles of rules against malicious files, and lists of digests, that are used besides what the program brings.
CREATE TABLE bundle (
  sha256 TEXT PRIMARY KEY,
  -- Greater in each that is made; 0: made of the texts below.
  epoch BIGINT NOT NULL,
  -- What it says of itself, as JSON.
  document TEXT NOT NULL,
  bytes {bytes} NOT NULL,
  person TEXT NOT NULL,
  at BIGINT NOT NULL,
  in_use BIGINT NOT NULL
);

-- Public keys of those whose bundles are taken.
CREATE TABLE bundle_key (
  name TEXT PRIMARY KEY,
  key {bytes} NOT NULL,
  person TEXT NOT NULL,
  at BIGINT NOT NULL
);

-- Rules and lists of one's own.
CREATE TABLE custom (
  id {id},
  name TEXT NOT NULL UNIQUE,
  -- rules, bad-hashes, good-hashes
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  -- How many rules or digests are in it.
  entries BIGINT NOT NULL,
  enabled BIGINT NOT NULL,
  -- Whether what its rules find is only a reminder of which nobody is told.
  monitor BIGINT NOT NULL DEFAULT 0,
  person TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  -- Counts its changes, so that nobody undoes one that he has not seen.
  version BIGINT NOT NULL DEFAULT 1
);

-- Who may -------------------------------------------------------------------------------------------

CREATE TABLE person (
  id {id},
  name TEXT NOT NULL UNIQUE,
  -- admin, operator, viewer
  role TEXT NOT NULL,
  -- Argon2id, or nothing for those who come by OIDC.
  password TEXT,
  -- Issuer and subject of OIDC.
  subject TEXT UNIQUE,
  disabled BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);

-- Secrets of sessions and tokens are kept as their SHA-256 alone.
CREATE TABLE session (
  hash TEXT PRIMARY KEY,
  person BIGINT NOT NULL REFERENCES person (id),
  created_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX session_person ON session (person);

CREATE TABLE token (
  id {id},
  hash TEXT NOT NULL UNIQUE,
  person BIGINT NOT NULL REFERENCES person (id),
  name TEXT NOT NULL,
  -- The most that it may do; never more than its person.
  role TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  until BIGINT,
  used_at BIGINT
);
CREATE INDEX token_person ON token (person, id);

-- Logins that failed, by whom or from where; the next is refused before `until`.
CREATE TABLE attempt (
  who TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  at BIGINT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX attempt_at ON attempt (at);

CREATE TABLE audit (
  id {id},
  at BIGINT NOT NULL,
  person TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  before TEXT,
  after TEXT
);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_object ON audit (object, id);
CREATE INDEX audit_person ON audit (person, id);

-- Answers to requests that must not be carried out twice. `hash` is of who asks where with which key,
-- `request` of what is asked for; no status: it is being carried out.
CREATE TABLE idempotency (
  hash TEXT PRIMARY KEY,
  request TEXT NOT NULL,
  status BIGINT,
  body {bytes},
  at BIGINT NOT NULL
);
CREATE INDEX idempotency_at ON idempotency (at);

-- Telling -------------------------------------------------------------------------------------------

CREATE TABLE channel (
  id {id},
  name TEXT NOT NULL UNIQUE,
  -- webhook, email, slack, dingtalk, feishu, wecom
  kind TEXT NOT NULL,
  document TEXT NOT NULL,
  secret {bytes},
  enabled BIGINT NOT NULL DEFAULT 1,
  created_at BIGINT NOT NULL
);

CREATE TABLE delivery (
  id {id},
  channel BIGINT NOT NULL REFERENCES channel (id),
  event TEXT NOT NULL,
  document TEXT NOT NULL,
  -- waiting, delivered, given-up
  state TEXT NOT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  -- When it is tried again, or taken for lost by whoever is trying.
  next_at BIGINT NOT NULL,
  reason TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  done_at BIGINT
);
CREATE INDEX delivery_waiting ON delivery (state, channel, next_at);
CREATE INDEX delivery_channel ON delivery (channel, id);

-- What people want to be told of, in order.
CREATE TABLE notice (
  id {id},
  at BIGINT NOT NULL,
  -- affected, failed, quota
  kind TEXT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX notice_at ON notice (at);
CREATE INDEX notice_kind ON notice (kind, id);

-- Compiled advisory databases that were in use, the last of which is; its pieces lie here where several machines share
-- this database.
CREATE TABLE advisories (
  id {id},
  build TEXT NOT NULL UNIQUE,
  built_at BIGINT NOT NULL,
  pieces BIGINT NOT NULL,
  at BIGINT
);

CREATE TABLE advisories_piece (
  build TEXT NOT NULL,
  number BIGINT NOT NULL,
  bytes {bytes} NOT NULL,
  PRIMARY KEY (build, number)
);
CREATE INDEX delivery_done ON delivery (done_at);
