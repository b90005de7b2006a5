-- The validator sets, each from the first height that it decides: few rows, since sets change between epochs only.
CREATE TABLE "consortium"."validator_places" (
    "from_height" BIGINT NOT NULL,
    "place" INTEGER NOT NULL,
    "kid" BYTEA NOT NULL,

    CONSTRAINT "validator_places_pkey" PRIMARY KEY ("from_height", "place")
);

-- Turns to propose that passed: none while all is well. Who signed stands in the certificates of the blocks.
CREATE TABLE "consortium"."missed_proposals" (
    "height" BIGINT NOT NULL,
    "round" INTEGER NOT NULL,
    "kid" BYTEA NOT NULL,

    CONSTRAINT "missed_proposals_pkey" PRIMARY KEY ("height", "round")
);

CREATE INDEX "missed_proposals_kid_idx" ON "consortium"."missed_proposals" ("kid", "height");
