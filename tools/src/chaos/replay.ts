import { native } from '@gridtokenx/crypto-native';
import { createRowStore, dropProjections, migrate, tableDigests, type TableDigest } from '@gridtokenx/postgres';
import { topicsOf, type LedgerIdentity } from '@gridtokenx/protocol';
import { Projector, readToEnd, systemClock, type Log } from '@gridtokenx/runtime';
import { startPostgres } from '@gridtokenx/testkit';

/** Read models in a database that no fault reaches, made from the bus alone: what the system's must be equal to. */
export interface Replay {
  /** The digest of each table once the blocks up to a height are in it, no further. */
  digestsAt(height: number): Promise<Record<string, TableDigest>>;
  /** Drops all that was made so far: the next digests are of tables built from block 0. */
  beginAgain(): Promise<void>;
  stop(): Promise<void>;
}

export async function startReplay(folder: string, identity: LedgerIdentity, log: Log): Promise<Replay> {
  const postgres = await startPostgres({ folder });
  const { kind } = identity.genesis;
  const beginAgain = async (): Promise<void> => {
    await dropProjections(postgres.url, kind);
    await migrate(postgres.url, kind);
  };
  await migrate(postgres.url, kind);
  const store = createRowStore(postgres.url, kind);
  return {
    beginAgain,
    digestsAt: async (height) => {
      const parts = { crypto: native, identity, log, store, clock: systemClock };
      const { projector, startOffset } = await Projector.start(parts);
      await readToEnd(log, topicsOf(identity).blocks.name, startOffset, async (records) => {
        for (const record of records) if (projector.height < height) await projector.take([record]);
      });
      if (projector.height !== height)
        throw new Error(`the blocks on the bus lead to height ${projector.height}, not to ${height}`);
      return tableDigests(postgres.url, kind);
    },
    stop: async () => {
      await store.close();
      await postgres.stop();
    },
  };
}
