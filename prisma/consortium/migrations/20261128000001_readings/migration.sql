-- A reading has versions, each of a quality, and a meter the digits of its registers. Rows from before do not say that: all are made
-- of the blocks again.

TRUNCATE "projection_cursor", "blocks", "block_bodies", "operations", "envelopes", "keys", "balances", "holds",
    "validator_places", "missed_proposals", "organisations", "accounts", "delegations", "meters", "zones", "orders", "trades",
    "readings", "books", "validator_changes";

ALTER TABLE "readings"
    ADD COLUMN "version" INTEGER NOT NULL,
    ADD COLUMN "quality" TEXT NOT NULL,
    DROP CONSTRAINT "readings_pkey",
    ADD CONSTRAINT "readings_pkey" PRIMARY KEY ("meter", "interval_start_ms", "version");

-- 0 where the operator has not said.
ALTER TABLE "meters" ADD COLUMN "register_digits" INTEGER NOT NULL;
