/** The promises of the SnapshotStore port, run against every adapter by its specs. Imported by tests only. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { utf8 } from '@gridtokenx/kernel';
import { MANIFEST, partName, type SnapshotStore } from './snapshot-store.js';

/** A place of its own for one test. */
export interface SnapshotPlace {
  /** As another process would find it. */
  open(): Promise<SnapshotStore>;
  end(): Promise<void>;
}

export function snapshotStoreContract(name: string, make: () => Promise<SnapshotPlace>): void {
  describe(`the SnapshotStore port on ${name}`, () => {
    let place: SnapshotPlace;
    beforeEach(async () => {
      place = await make();
    });
    afterEach(() => place.end());

    async function take(height: number): Promise<void> {
      const store = await place.open();
      await store.begin(height);
      await store.write(height, partName(0), utf8(`part of ${height}`));
      await store.write(height, MANIFEST, utf8(`manifest of ${height}`));
      await store.finish(height);
    }

    it('is empty at first', async () => {
      const store = await place.open();
      expect(await store.heights()).toEqual([]);
      expect(await store.read(100, MANIFEST)).toBeUndefined();
    });

    it('gives what was finished, also to whoever opens it later', async () => {
      await take(100);
      const store = await place.open();
      expect(await store.heights()).toEqual([100]);
      expect(await store.read(100, partName(0))).toEqual(utf8('part of 100'));
      expect(await store.read(100, MANIFEST)).toEqual(utf8('manifest of 100'));
      expect(await store.read(100, partName(1))).toBeUndefined();
    });

    it('gives nothing of what was not finished, and begins it anew', async () => {
      const store = await place.open();
      await store.begin(100);
      await store.write(100, partName(7), utf8('left behind'));
      expect(await store.heights()).toEqual([]);
      expect(await store.read(100, partName(7))).toBeUndefined();
      await take(100);
      expect(await (await place.open()).read(100, partName(7))).toBeUndefined();
    });

    it('keeps the newest two, newest first, whatever the order in which they came', async () => {
      for (const height of [900, 1_100, 1_000, 200]) await take(height);
      expect(await (await place.open()).heights()).toEqual([1_100, 1_000]);
    });

    it('forgets what is dropped, and does not mind when it was not there', async () => {
      await take(100);
      const store = await place.open();
      await store.begin(200);
      await store.drop(200);
      await store.drop(100);
      await store.drop(100);
      expect(await store.heights()).toEqual([]);
    });

    it('replaces one of the same height', async () => {
      await take(100);
      await take(100);
      expect(await (await place.open()).heights()).toEqual([100]);
    });
  });
}
