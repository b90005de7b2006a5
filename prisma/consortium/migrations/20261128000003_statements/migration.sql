-- A statement of a utility is made of all readings of its period. They come in the order of time, so this index grows at its end.
CREATE INDEX "readings_interval_idx" ON "readings" ("interval_start_ms");
