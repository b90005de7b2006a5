-- The read models of the consortium ledger. Rows are derived from final blocks and can always be built again.
-- Ids are bytea (16, 32 bytes), times milliseconds since 1970, energy whole Wh, money numeric minor units.
-- Every table knows the heights its rows stem from; there are no foreign keys, because blocks are checked before they
-- get here and the checks would cost as much as the writes.

CREATE SCHEMA IF NOT EXISTS "consortium";

-- One row. Fenced: a projector moves it on from the height it knows, or writes nothing.
CREATE TABLE "consortium"."projection_cursor" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "ledger_id" TEXT NOT NULL,
    "height" BIGINT NOT NULL,
    "block_hash" BYTEA NOT NULL,
    "time_ms" BIGINT NOT NULL,
    "log_offset" BIGINT NOT NULL,

    CONSTRAINT "projection_cursor_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "projection_cursor_is_one_row" CHECK ("id" = 1)
);

CREATE TABLE "consortium"."blocks" (
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
CREATE TABLE "consortium"."block_bodies" (
    "height" BIGINT NOT NULL,
    "body" BYTEA STORAGE EXTERNAL NOT NULL,

    CONSTRAINT "block_bodies_pkey" PRIMARY KEY ("height")
);

CREATE TABLE "consortium"."operations" (
    "operation_id" BYTEA NOT NULL,
    "height" BIGINT NOT NULL,
    "leaf_index" INTEGER NOT NULL,
    "kid" BYTEA NOT NULL,
    "type" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "code" TEXT,

    CONSTRAINT "operations_pkey" PRIMARY KEY ("operation_id")
);

CREATE TABLE "consortium"."envelopes" (
    "kid" BYTEA NOT NULL,
    "sequence" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "height" BIGINT NOT NULL,
    "first_index" INTEGER NOT NULL,
    "operation_count" INTEGER NOT NULL,

    CONSTRAINT "envelopes_pkey" PRIMARY KEY ("kid", "sequence")
);

CREATE TABLE "consortium"."organisations" (
    "organisation" BYTEA NOT NULL,
    "sector" TEXT NOT NULL,
    "roles" TEXT[] NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "organisations_pkey" PRIMARY KEY ("organisation")
);

CREATE TABLE "consortium"."accounts" (
    "account" BYTEA NOT NULL,
    "organisation" BYTEA NOT NULL,
    "kyc_status" TEXT NOT NULL,
    "kyc_until_ms" BIGINT,
    "opened_height" BIGINT NOT NULL,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("account")
);

CREATE TABLE "consortium"."keys" (
    "kid" BYTEA NOT NULL,
    "organisation" BYTEA NOT NULL,
    "account" BYTEA,
    "registered_height" BIGINT NOT NULL,
    "removed_height" BIGINT,

    CONSTRAINT "keys_pkey" PRIMARY KEY ("kid")
);

CREATE TABLE "consortium"."delegations" (
    "kid" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,
    "operations" TEXT[] NOT NULL,
    "until_ms" BIGINT NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "delegations_pkey" PRIMARY KEY ("kid", "account")
);

CREATE TABLE "consortium"."meters" (
    "meter" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,
    "zone" TEXT COLLATE "C" NOT NULL,
    "limit_wh" BIGINT NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "meters_pkey" PRIMARY KEY ("meter")
);

CREATE TABLE "consortium"."zones" (
    "zone" TEXT COLLATE "C" NOT NULL,
    "operator" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,

    CONSTRAINT "zones_pkey" PRIMARY KEY ("zone")
);

-- Changed in place block after block: room in each page keeps the new versions beside the old (HOT), off the index.
CREATE TABLE "consortium"."balances" (
    "account" BYTEA NOT NULL,
    "asset" TEXT COLLATE "C" NOT NULL,
    "available" DECIMAL(38,0) NOT NULL,
    "held" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "balances_pkey" PRIMARY KEY ("account", "asset")
) WITH (fillfactor = 50);

CREATE TABLE "consortium"."holds" (
    "order_id" BYTEA NOT NULL,
    "asset" TEXT COLLATE "C" NOT NULL,
    "account" BYTEA NOT NULL,
    "amount" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "holds_pkey" PRIMARY KEY ("order_id", "asset")
) WITH (fillfactor = 80);

-- In the order of time, which is cheap to write. An order's id is that of the operation that placed it, so "operations"
-- finds it by id; the orders of one interval were placed while its books were open, between two heights.
CREATE TABLE "consortium"."orders" (
    "order_id" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,
    "side" TEXT NOT NULL,
    "from_zone" TEXT COLLATE "C" NOT NULL,
    "to_zone" TEXT COLLATE "C" NOT NULL,
    "interval_start_ms" BIGINT NOT NULL,
    "price_ticks" INTEGER NOT NULL,
    "quantity_wh" BIGINT NOT NULL,
    "remaining_wh" BIGINT NOT NULL,
    "time_in_force" TEXT NOT NULL,
    "expires_at_ms" BIGINT NOT NULL,
    "status" TEXT NOT NULL,
    "placed_height" BIGINT NOT NULL,
    "placed_index" INTEGER NOT NULL,
    "tariff_version" BIGINT NOT NULL,

    CONSTRAINT "orders_pkey" PRIMARY KEY ("placed_height", "placed_index")
) WITH (fillfactor = 90);

CREATE INDEX "orders_account_idx" ON "consortium"."orders" ("account", "placed_height", "placed_index");
-- The standing books: as small as what rests.
CREATE INDEX "orders_book_idx" ON "consortium"."orders" ("interval_start_ms", "to_zone") WHERE "status" = 'open';

CREATE TABLE "consortium"."trades" (
    "trade" BIGINT NOT NULL,
    "bid" BYTEA NOT NULL,
    "ask" BYTEA NOT NULL,
    "buyer" BYTEA NOT NULL,
    "seller" BYTEA NOT NULL,
    "from_zone" TEXT COLLATE "C" NOT NULL,
    "to_zone" TEXT COLLATE "C" NOT NULL,
    "interval_start_ms" BIGINT NOT NULL,
    "price_ticks" INTEGER NOT NULL,
    "quantity_wh" BIGINT NOT NULL,
    "notional" DECIMAL(38,0) NOT NULL,
    "buyer_fee" DECIMAL(38,0) NOT NULL,
    "seller_fee" DECIMAL(38,0) NOT NULL,
    "fee_payee" BYTEA NOT NULL,
    "tariff_version" BIGINT NOT NULL,
    "height" BIGINT NOT NULL,
    "leaf_index" INTEGER NOT NULL,
    "time_ms" BIGINT NOT NULL,
    "operation_id" BYTEA,

    CONSTRAINT "trades_pkey" PRIMARY KEY ("trade")
);

CREATE INDEX "trades_buyer_idx" ON "consortium"."trades" ("buyer", "trade");
CREATE INDEX "trades_seller_idx" ON "consortium"."trades" ("seller", "trade");
CREATE INDEX "trades_interval_idx" ON "consortium"."trades" ("interval_start_ms", "trade");

CREATE TABLE "consortium"."readings" (
    "meter" BYTEA NOT NULL,
    "interval_start_ms" BIGINT NOT NULL,
    "account" BYTEA NOT NULL,
    "zone" TEXT COLLATE "C" NOT NULL,
    "consumed_wh" BIGINT NOT NULL,
    "produced_wh" BIGINT NOT NULL,
    "minted_wh" BIGINT NOT NULL,
    "import_wh" BIGINT NOT NULL,
    "height" BIGINT NOT NULL,
    "leaf_index" INTEGER NOT NULL,

    CONSTRAINT "readings_pkey" PRIMARY KEY ("meter", "interval_start_ms")
);

CREATE TABLE "consortium"."books" (
    "interval_start_ms" BIGINT NOT NULL,
    "to_zone" TEXT COLLATE "C" NOT NULL,
    "from_zone" TEXT COLLATE "C" NOT NULL,
    "opened_height" BIGINT NOT NULL,
    "closes_at_ms" BIGINT NOT NULL,
    "closed_height" BIGINT,

    CONSTRAINT "books_pkey" PRIMARY KEY ("interval_start_ms", "to_zone", "from_zone")
);
