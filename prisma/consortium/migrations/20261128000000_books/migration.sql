-- A book is of a mechanism and a phase, and a trade tells who gets what and by which tariff. Rows from before do not say that: all
-- are made of the blocks again.

TRUNCATE "projection_cursor", "blocks", "block_bodies", "operations", "envelopes", "keys", "balances", "holds",
    "validator_places", "missed_proposals", "organisations", "accounts", "delegations", "meters", "zones", "orders", "trades",
    "readings", "books", "validator_changes";

ALTER TABLE "orders"
    ADD COLUMN "mechanism" TEXT NOT NULL,
    ADD COLUMN "phase" TEXT NOT NULL;

ALTER TABLE "trades"
    ADD COLUMN "mechanism" TEXT NOT NULL,
    ADD COLUMN "phase" TEXT NOT NULL,
    ADD COLUMN "wheeling" DECIMAL(38,0) NOT NULL,
    ADD COLUMN "to_operator" DECIMAL(38,0) NOT NULL,
    ADD COLUMN "from_operator" DECIMAL(38,0) NOT NULL,
    ADD COLUMN "platform" DECIMAL(38,0) NOT NULL,
    ADD COLUMN "tax" DECIMAL(38,0) NOT NULL,
    ADD COLUMN "tariff_hash" BYTEA NOT NULL,
    ADD COLUMN "event_index" INTEGER NOT NULL;

ALTER TABLE "books"
    ADD COLUMN "phase" TEXT NOT NULL,
    ADD COLUMN "mechanism" TEXT NOT NULL,
    ADD COLUMN "opened_place" INTEGER NOT NULL,
    ADD COLUMN "tariff_version" BIGINT NOT NULL,
    ADD COLUMN "tariff_hash" BYTEA NOT NULL,
    -- 0.0001 THB/kWh, with tax.
    ADD COLUMN "wheeling" BIGINT NOT NULL,
    ADD COLUMN "operator_from" BYTEA NOT NULL,
    ADD COLUMN "operator_to" BYTEA NOT NULL,
    ADD COLUMN "platform" BYTEA NOT NULL,
    ADD COLUMN "tax" BYTEA NOT NULL,
    DROP CONSTRAINT "books_pkey",
    ADD CONSTRAINT "books_pkey" PRIMARY KEY ("interval_start_ms", "to_zone", "from_zone", "phase", "mechanism");

CREATE INDEX "books_opened_idx" ON "books" ("opened_height", "opened_place");
