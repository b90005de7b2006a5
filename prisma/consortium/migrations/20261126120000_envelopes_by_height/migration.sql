-- A gateway asks which envelopes a new block holds. Heights only grow, so this index grows at its end.
CREATE INDEX "envelopes_height_idx" ON "consortium"."envelopes" ("height");
