import { setTimeout as pause } from 'node:timers/promises';
import { headerHash, validatorSet } from '@gridtokenx/chain';
import {
  anchorOperations,
  BlockFollower,
  genesisAnchor,
  GridClient,
  newestAnchor,
  tipOfHeader,
  type GenesisAnchor,
  type Row,
  type Tip,
} from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { toHex } from '@gridtokenx/kernel';
import { Aggregator, ANCHORS_PER_BLOCK_MAX, type ReserveStatement } from '@gridtokenx/protocol';
import { Members } from './replay/members.js';
import type { DevelopmentPublicLedger, Person } from './system/development-public.js';

export interface AnchoringOptions {
  readonly url: string;
  /** Of the consortium, whose blocks are counted from there on. */
  readonly genesis: Uint8Array;
  readonly publicLedger: DevelopmentPublicLedger;
  /** From one anchor to the next. */
  readonly everyMs?: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const EVERY_MS = 60_000;
const WHO: Person = 'newspaper';

/**
 * Anchors the newest block of the consortium on the public ledger over and over, and publishes what its blocks came to since the last
 * publication, when something was traded. It goes on where the public ledger stands; trouble is told once and tried again. Resolves
 * when the signal says so.
 */
export async function keepAnchored(options: AnchoringOptions): Promise<void> {
  const { everyMs = EVERY_MS, say, signal } = options;
  const anchoring = new Anchoring(options);
  let told = '';
  while (!signal.aborted) {
    let trouble = '';
    try {
      await anchoring.round();
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    }
    if (signal.aborted) return;
    if (trouble !== told) say(trouble === '' ? 'anchoring goes on' : `nothing is anchored for now: ${trouble}`);
    told = trouble;
    await pause(everyMs, undefined, { signal }).catch(() => {});
  }
}

/** What was counted since the last publication. */
interface Count {
  readonly follower: BlockFollower;
  readonly sums: Aggregator;
}

class Anchoring {
  private readonly anchor: GenesisAnchor;
  private readonly consortium: GridClient;
  private readonly people: GridClient;
  private readonly members: Members;
  private count: Count | undefined;

  constructor(private readonly options: AnchoringOptions) {
    const { url, genesis, publicLedger } = options;
    const { identity } = publicLedger;
    this.anchor = genesisAnchor(genesis, native);
    this.consortium = new GridClient({ url, identity: this.anchor.identity, crypto: native });
    this.people = new GridClient({ url, identity, crypto: native });
    this.members = new Members(publicLedger, this.people, native);
  }

  async round(): Promise<void> {
    const { height: newest = 0 } = await this.consortium.health();
    let anchored = (await newestAnchor(this.people))?.height ?? 0;
    while (anchored < newest) {
      const found = await anchorOperations(this.consortium, this.anchor.rules, anchored, newest, ANCHORS_PER_BLOCK_MAX);
      await this.members.carryOut(
        WHO,
        found.map(({ operation }) => operation),
      );
      anchored = found.at(-1)?.height ?? newest;
    }
    if (anchored > 0) await this.publish(anchored);
  }

  /** What was traded up to a block that is anchored. */
  private async publish(toHeight: number): Promise<void> {
    const { follower, sums } = (this.count ??= await this.open());
    const records = (height: number): Promise<Uint8Array | undefined> => this.consortium.blockRecord(height);
    for await (const { results } of follower.blocks(records, { to: toHeight }))
      sums.add(results.map(({ outcome }) => outcome));
    const { aggregates } = sums;
    if (follower.tip.height !== toHeight || aggregates.trades === 0) return;
    // Whether it was published, when that is not known, the ledger tells the next time.
    this.count = undefined;
    await this.members.carryOut(WHO, [{ type: 'transparency.publishAggregates', ...aggregates }]);
    this.count = { follower, sums: countFrom(toHeight + 1, aggregates) };
  }

  /** SPEC transparency 3.2: goes on above the last publication of its own, from the block that is anchored there. */
  private async open(): Promise<Count> {
    const last = await this.lastPublication();
    if (last === undefined) return { follower: this.followerFrom(this.anchor.tip), sums: new Aggregator(1) };
    const { toHeight } = last;
    return {
      follower: this.followerFrom(await this.tipAt(Number(toHeight))),
      sums: countFrom(Number(toHeight) + 1, {
        wattReserve: String(last['wattReserve']),
        wattSupply: String(last['wattSupply']),
      }),
    };
  }

  private followerFrom(tip: Tip): BlockFollower {
    return new BlockFollower({ rules: this.anchor.rules, tip }, { crypto: native });
  }

  private async lastPublication(): Promise<Row | undefined> {
    const { kid } = await this.options.publicLedger.key(WHO);
    for await (const row of this.people.list('/aggregates'))
      if (row['account'] === kid && row['status'] !== 'withdrawn') return row;
    return undefined;
  }

  private async tipAt(height: number): Promise<Tip> {
    const [block, anchored] = await Promise.all([
      this.consortium.lightBlock(height),
      this.people.read(`/anchors/${height}`),
    ]);
    if (block === undefined || toHex(headerHash(native, block.header)) !== anchored['hash'])
      throw new Error(`block ${height} of the consortium is not the one that is anchored`);
    const { header, validators, nextValidators } = block;
    const tip = tipOfHeader(
      native,
      this.anchor.rules,
      header,
      validatorSet(native, header.epoch, validators),
      nextValidators,
    );
    if (typeof tip === 'string') throw new Error(`block ${height} of the consortium: ${tip}`);
    return tip;
  }
}

const countFrom = (height: number, { wattReserve, wattSupply }: Record<keyof ReserveStatement, string>): Aggregator =>
  new Aggregator(height, { wattReserve: BigInt(wattReserve), wattSupply: BigInt(wattSupply) });
