-- What the consortium is asked to change of its validators, and what became of it.
CREATE TABLE "consortium"."validator_changes" (
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

CREATE UNIQUE INDEX "validator_changes_place_idx" ON "consortium"."validator_changes" ("proposed_height", "proposed_index");
