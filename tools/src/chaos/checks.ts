import { tableDigests } from '@gridtokenx/postgres';
import { nodeStatuses } from './nodes.js';
import type { Replay } from './replay.js';
import { until, type World } from './world.js';

/** What must hold after every fault, each with what was found against it. */
export interface Findings {
  /** Each acknowledged operation has exactly one outcome in the chain. */
  readonly outcomes: readonly string[];
  /** All nodes stand at one height with one state, the certified one. */
  readonly nodes: readonly string[];
  /** The tables of the read models are those of a replay of the blocks. */
  readonly projections: readonly string[];
  /** Of each asset as much is held as there was at first, and was minted and not burned, and each balance is the sum of its postings. */
  readonly money: readonly string[];
}

const DECIDED_WITHIN_MS = 90_000;
const EQUAL_WITHIN_MS = 60_000;
const SHOWN_MAX = 3;

/** The load stands still meanwhile: what was acknowledged has been. */
export async function check(world: World, replay: Replay): Promise<Findings> {
  const outcomes = await findings(() => outcomeFaults(world));
  const nodes = await findings(() => nodeFaults(world));
  const projections = await findings(() => projectionFaults(world, replay));
  const money = await findings(() => moneyFaults(world));
  return { outcomes, nodes, projections, money };
}

/** As the check after each fault, with nothing left of earlier replays. */
export async function checkRebuilt(world: World, replay: Replay): Promise<readonly string[]> {
  return findings(async () => {
    await replay.beginAgain();
    return projectionFaults(world, replay);
  });
}

async function findings(look: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await look();
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

async function outcomeFaults({ chain, load }: World): Promise<string[]> {
  await until('every acknowledged operation has an outcome', DECIDED_WITHIN_MS, async () => {
    await chain.follow();
    const missing = chain.missing(load.acknowledged);
    if (missing.length > 0) throw new Error(`${missing.length} have none: ${some(missing)}`);
    return true;
  });
  const doubled = chain.doubled();
  return [
    ...(doubled.length === 0 ? [] : [`${doubled.length} operations have several outcomes: ${some(doubled)}`]),
    ...(load.refusals.length === 0 ? [] : [`${load.refusals.length} refused: ${some(load.refusals.splice(0))}`]),
  ];
}

async function nodeFaults(world: World): Promise<string[]> {
  const { chain } = world;
  const nodes = await until('all nodes stand at one height', EQUAL_WITHIN_MS, async () => {
    const statuses = await nodeStatuses(world);
    const told = statuses.map(({ name, height, rejoining }) => `${name} ${height}${rejoining > 0 ? ' rejoining' : ''}`);
    const level = new Set(statuses.map(({ height }) => height)).size === 1;
    if (!level || statuses.some(({ rejoining }) => rejoining > 0)) throw new Error(told.join(', '));
    return statuses;
  });
  const height = nodes[0]?.height ?? 0;
  const certified = await until(`the gateway shows block ${height}`, EQUAL_WITHIN_MS, async () => {
    await chain.follow();
    return chain.stateDigest(height);
  });
  return nodes.flatMap(({ name, stateDigest }) =>
    stateDigest === undefined || stateDigest === certified
      ? []
      : [`${name} has state ${stateDigest.slice(0, 16)} at ${height}, certified is ${certified.slice(0, 16)}`],
  );
}

/** Blocks go on to come, so both are compared at a height that stood before and after. */
async function projectionFaults({ system, ledger, readModels }: World, replay: Replay): Promise<string[]> {
  return until('the read models stand still for a comparison', EQUAL_WITHIN_MS, async () => {
    const { height } = await readModels.cursor();
    const replayed = await replay.digestsAt(height);
    const live = await tableDigests(system.databaseUrl, ledger.identity.genesis.kind);
    if ((await readModels.cursor()).height !== height) return undefined;
    return Object.keys({ ...replayed, ...live }).flatMap((table) =>
      live[table]?.sha256 === replayed[table]?.sha256
        ? []
        : [`${table} at ${height}: ${live[table]?.rows} rows, a replay has ${replayed[table]?.rows}, not the same`],
    );
  });
}

async function moneyFaults({ chain, readModels }: World): Promise<string[]> {
  const wrong = await until('the read models stand still for the balances', EQUAL_WITHIN_MS, async () => {
    await chain.follow();
    const faults: string[] = [];
    for (const [account, assets] of chain.holdings()) {
      const { height, value } = await readModels.balances(account);
      if (height !== chain.height) return undefined;
      const shown = new Map(value.map(({ asset, available, held }) => [asset, BigInt(available) + BigInt(held)]));
      for (const asset of new Set([...assets.keys(), ...shown.keys()]))
        if (assets.get(asset) !== shown.get(asset))
          faults.push(`${account} has ${shown.get(asset)} of ${asset}, its postings add up to ${assets.get(asset)}`);
    }
    return faults;
  });
  return [...chain.unbalanced(), ...wrong];
}

const some = (list: readonly string[]): string =>
  `${list.slice(0, SHOWN_MAX).join(', ')}${list.length > SHOWN_MAX ? ', …' : ''}`;
