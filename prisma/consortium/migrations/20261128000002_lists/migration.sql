-- Rules, tariffs, the network, clearings and dues have no tables of their own. Blocks from before tell of them too: rows are made again.

TRUNCATE "projection_cursor", "blocks", "block_bodies", "operations", "envelopes", "keys", "balances", "holds",
    "validator_places", "missed_proposals", "organisations", "accounts", "delegations", "meters", "zones", "orders", "trades",
    "readings", "books", "validator_changes";

-- What happened, in lists by topic and by what each list is about.
CREATE TABLE "facts" (
    "topic" TEXT COLLATE "C" NOT NULL,
    "subject" TEXT COLLATE "C" NOT NULL,
    "height" BIGINT NOT NULL,
    "place" INTEGER NOT NULL,
    "leaf_index" INTEGER NOT NULL,
    "operation_id" BYTEA,
    "body" JSONB NOT NULL,

    CONSTRAINT "facts_pkey" PRIMARY KEY ("topic", "subject", "height", "place")
);

-- What stands, by kind. Those of one parent are a list, in the order in which they began.
CREATE TABLE "records" (
    "kind" TEXT COLLATE "C" NOT NULL,
    "parent" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "body" JSONB NOT NULL,
    "began_height" BIGINT NOT NULL,
    "began_place" INTEGER NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "records_pkey" PRIMARY KEY ("kind", "parent", "id")
);

CREATE INDEX "records_list_idx" ON "records" ("kind", "parent", "began_height", "began_place");

-- An order may wait for its time.
ALTER TABLE "orders" ADD COLUMN "valid_from_ms" BIGINT;

ALTER TABLE "readings" ADD COLUMN "event_index" INTEGER NOT NULL;

CREATE INDEX "meters_account_idx" ON "meters" ("account");

-- What befell energy and money of an account in a zone and interval when that was settled, cut or corrected: what statements are made of,
-- with trades and readings.
CREATE TABLE "settlements" (
    "interval_start_ms" BIGINT NOT NULL,
    "account" BYTEA NOT NULL,
    "zone" TEXT COLLATE "C" NOT NULL,
    "height" BIGINT NOT NULL,
    "place" INTEGER NOT NULL,
    "leaf_index" INTEGER NOT NULL,
    "event_index" INTEGER NOT NULL,
    "body" JSONB NOT NULL,

    CONSTRAINT "settlements_pkey" PRIMARY KEY ("interval_start_ms", "account", "zone", "height", "place")
);

CREATE INDEX "settlements_account_idx" ON "settlements" ("account", "height", "place");
