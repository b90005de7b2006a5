-- What only the public ledger has.

CREATE TABLE "transfers" (
    "height" BIGINT NOT NULL,
    "place" INTEGER NOT NULL,
    "leaf_index" INTEGER NOT NULL,
    "operation_id" BYTEA,
    "payer" BYTEA NOT NULL,
    "payee" BYTEA NOT NULL,
    "amount" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "transfers_pkey" PRIMARY KEY ("height", "place")
);

CREATE INDEX "transfers_payer_idx" ON "transfers" ("payer", "height", "place");
CREATE INDEX "transfers_payee_idx" ON "transfers" ("payee", "height", "place");

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
-- Which accounts of several signers a key signs for.
CREATE INDEX "records_signers_idx" ON "records" USING GIN (("body" -> 'signers')) WHERE "kind" = 'multisig';

CREATE TABLE "sums" (
    "kind" TEXT COLLATE "C" NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "amount" DECIMAL(38,0) NOT NULL,

    CONSTRAINT "sums_pkey" PRIMARY KEY ("kind", "id")
);
