-- Keys of validator sets, one after the other in set order: whoever goes on from the cursor knows whom to believe. A
-- cursor from before names no set; its rows are of a ledger without epochs, and are dropped with it.
ALTER TABLE "consortium"."projection_cursor"
    ADD COLUMN "certified_by" BYTEA NOT NULL DEFAULT '',
    ADD COLUMN "validators" BYTEA NOT NULL DEFAULT '';
ALTER TABLE "consortium"."projection_cursor"
    ALTER COLUMN "certified_by" DROP DEFAULT,
    ALTER COLUMN "validators" DROP DEFAULT;
