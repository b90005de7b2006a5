-- What only the consortium ledger has.

-- Every key of the consortium belongs to an organisation.
ALTER TABLE "keys" ALTER COLUMN "organisation" SET NOT NULL;

CREATE TABLE "organisations" (
    "organisation" BYTEA NOT NULL,
    "sector" TEXT NOT NULL,
    "roles" TEXT[] NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "organisations_pkey" PRIMARY KEY ("organisation")
);

CREATE TABLE "accounts" (
    "account" BYTEA NOT NULL,
    "organisation" BYTEA NOT NULL,
    "kyc_status" TEXT NOT NULL,
    "kyc_until_ms" BIGINT,
    "opened_height" BIGINT NOT NULL,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("account")
);

CREATE TABLE "delegations" (
    "kid" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,
    "operations" TEXT[] NOT NULL,
    "until_ms" BIGINT NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "delegations_pkey" PRIMARY KEY ("kid", "account")
);

CREATE TABLE "meters" (
    "meter" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,
    "zone" TEXT COLLATE "C" NOT NULL,
    "limit_wh" BIGINT NOT NULL,
    "height" BIGINT NOT NULL,

    CONSTRAINT "meters_pkey" PRIMARY KEY ("meter")
);

CREATE TABLE "zones" (
    "zone" TEXT COLLATE "C" NOT NULL,
    "operator" BYTEA NOT NULL,
    "account" BYTEA NOT NULL,

    CONSTRAINT "zones_pkey" PRIMARY KEY ("zone")
);

-- In the order of time, which is cheap to write. An order's id is that of the operation that placed it, so "operations"
-- finds it by id; the orders of one interval were placed while its books were open, between two heights.
CREATE TABLE "orders" (
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

CREATE INDEX "orders_account_idx" ON "orders" ("account", "placed_height", "placed_index");
-- The standing books: as small as what rests.
CREATE INDEX "orders_book_idx" ON "orders" ("interval_start_ms", "to_zone") WHERE "status" = 'open';

CREATE TABLE "trades" (
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

CREATE INDEX "trades_buyer_idx" ON "trades" ("buyer", "trade");
CREATE INDEX "trades_seller_idx" ON "trades" ("seller", "trade");
CREATE INDEX "trades_interval_idx" ON "trades" ("interval_start_ms", "trade");

CREATE TABLE "readings" (
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

CREATE TABLE "books" (
    "interval_start_ms" BIGINT NOT NULL,
    "to_zone" TEXT COLLATE "C" NOT NULL,
    "from_zone" TEXT COLLATE "C" NOT NULL,
    "opened_height" BIGINT NOT NULL,
    "closes_at_ms" BIGINT NOT NULL,
    "closed_height" BIGINT,

    CONSTRAINT "books_pkey" PRIMARY KEY ("interval_start_ms", "to_zone", "from_zone")
);

-- What the consortium is asked to change of its validators, and what became of it.
CREATE TABLE "validator_changes" (
    "change" BYTEA NOT NULL,
    "kind" TEXT NOT NULL,
    "validator" BYTEA NOT NULL,
    "key" BYTEA,
    "organisation" BYTEA,
    "until_ms" BIGINT,
    "votes" BIGINT NOT NULL,
    "needed" BIGINT,
    "status" TEXT NOT NULL,
    "proposed_height" BIGINT NOT NULL,
    "proposed_index" INTEGER NOT NULL,
    "decided_height" BIGINT,
    "ended_height" BIGINT,

    CONSTRAINT "validator_changes_pkey" PRIMARY KEY ("change")
);

CREATE UNIQUE INDEX "validator_changes_place_idx" ON "validator_changes" ("proposed_height", "proposed_index");
