-- What the read models of each ledger have, in the schema of that ledger (it is the search path). Rows are derived from final
-- blocks and can always be built again.
-- Ids are bytea (16, 32 bytes), times milliseconds since 1970, energy whole Wh, money numeric minor units.
-- Every table knows the heights its rows stem from; there are no foreign keys, because blocks are checked before they
-- get here and the checks would cost as much as the writes.

-- One row. Fenced: a projector moves it on from the height it knows, or writes nothing.
CREATE TABLE "projection_cursor" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "ledger_id" TEXT NOT NULL,
    "height" BIGINT NOT NULL,
    "block_hash" BYTEA NOT NULL,
    "time_ms" BIGINT NOT NULL,
    "log_offset" BIGINT NOT NULL,
    -- Keys of validator sets, one after the other in set order: whoever goes on from the cursor knows whom to believe.
    "certified_by" BYTEA NOT NULL,
    "validators" BYTEA NOT NULL,

    CONSTRAINT "projection_cursor_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "projection_cursor_is_one_row" CHECK ("id" = 1)
);

CREATE TABLE "blocks" (
    "height" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "parent_hash" BYTEA NOT NULL,
    "time_ms" BIGINT NOT NULL,
    "market_time_ms" BIGINT NOT NULL,
    "epoch" BIGINT NOT NULL,
    "proposer" INTEGER NOT NULL,
    "round" INTEGER NOT NULL,
    "signer_count" INTEGER NOT NULL,
    "envelope_count" INTEGER NOT NULL,
    "operation_count" INTEGER NOT NULL,
    "rejected_count" INTEGER NOT NULL,
    "hook_count" INTEGER NOT NULL,
    "trade_count" INTEGER NOT NULL,
    "body_bytes" INTEGER NOT NULL,
    "header" BYTEA NOT NULL,
    "certificate" BYTEA NOT NULL,

    CONSTRAINT "blocks_pkey" PRIMARY KEY ("height")
);

-- Compressed already: kept out of line as they are.
CREATE TABLE "block_bodies" (
    "height" BIGINT NOT NULL,
    "body" BYTEA STORAGE EXTERNAL NOT NULL,

    CONSTRAINT "block_bodies_pkey" PRIMARY KEY ("height")
);

CREATE TABLE "operations" (
    "operation_id" BYTEA NOT NULL,
    "height" BIGINT NOT NULL,
    "leaf_index" INTEGER NOT NULL,
    "kid" BYTEA NOT NULL,
    "type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "code" TEXT,

    CONSTRAINT "operations_pkey" PRIMARY KEY ("operation_id")
);

CREATE TABLE "envelopes" (
    "kid" BYTEA NOT NULL,
    "sequence" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "height" BIGINT NOT NULL,
    "first_index" INTEGER NOT NULL,
    "operation_count" INTEGER NOT NULL,

    CONSTRAINT "envelopes_pkey" PRIMARY KEY ("kid", "sequence")
);

-- A gateway asks which envelopes a new block holds. Heights only grow, so this index grows at its end.
CREATE INDEX "envelopes_height_idx" ON "envelopes" ("height");

CREATE TABLE "keys" (
    "kid" BYTEA NOT NULL,
    "organisation" BYTEA,
    "account" BYTEA,
    "registered_height" BIGINT NOT NULL,
    "removed_height" BIGINT,

    CONSTRAINT "keys_pkey" PRIMARY KEY ("kid")
);

-- Changed in place block after block: room in each page keeps the new versions beside the old (HOT), off the index.
CREATE TABLE "balances" (
    "account" BYTEA NOT NULL,
    "asset" TEXT COLLATE "C" NOT NULL,
    "available" DECIMAL(38,0) NOT NULL,
    "held" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "balances_pkey" PRIMARY KEY ("account", "asset")
) WITH (fillfactor = 50);

CREATE TABLE "holds" (
    "order_id" BYTEA NOT NULL,
    "asset" TEXT COLLATE "C" NOT NULL,
    "account" BYTEA NOT NULL,
    "amount" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "holds_pkey" PRIMARY KEY ("order_id", "asset")
) WITH (fillfactor = 80);

-- The validator sets, each from the first height that it decides: few rows, since sets change between epochs only.
CREATE TABLE "validator_places" (
    "from_height" BIGINT NOT NULL,
    "place" INTEGER NOT NULL,
    "kid" BYTEA NOT NULL,

    CONSTRAINT "validator_places_pkey" PRIMARY KEY ("from_height", "place")
);

-- Turns to propose that passed: none while all is well. Who signed stands in the certificates of the blocks.
CREATE TABLE "missed_proposals" (
    "height" BIGINT NOT NULL,
    "round" INTEGER NOT NULL,
    "kid" BYTEA NOT NULL,

    CONSTRAINT "missed_proposals_pkey" PRIMARY KEY ("height", "round")
);

CREATE INDEX "missed_proposals_kid_idx" ON "missed_proposals" ("kid", "height");
