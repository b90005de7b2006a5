import { BlockFollower, type GenesisAnchor, type GridClient, type VerifiedBlock } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { toBase64Url, toHex } from '@gridtokenx/kernel';
import type { LedgerEvent } from '@gridtokenx/protocol';

const GRID = 'GRID';

/** A block as far as it is compared with later. */
interface Seen {
  readonly timeMs: number;
  /** Hex; what the certificate says of the state after the block. */
  readonly stateDigest: string;
}

/**
 * The chain as a stranger proves it, block by block from the genesis file: one walk through all faults, so that a chain
 * that went on with another history would be refused. Sums are made here and never taken from the ledger.
 */
export class Chain {
  private readonly follower: BlockFollower;
  private readonly blocks: Seen[] = [];
  /** In how many places of the chain an operation has an outcome. */
  private readonly outcomes = new Map<string, number>();
  /** By asset, the genesis included: what the postings add up to, and what was minted less what was burned. */
  private readonly posted = new Map<string, bigint>();
  private readonly issued = new Map<string, bigint>();
  /** By account and asset. */
  private readonly balances = new Map<string, Map<string, bigint>>();

  constructor(
    anchor: GenesisAnchor,
    private readonly client: GridClient,
  ) {
    this.follower = new BlockFollower(anchor, { crypto: native });
    const { genesis } = anchor.identity;
    if (genesis.kind !== 'public') return;
    for (const { id, amount } of genesis.accounts) {
      this.post(id, GRID, BigInt(amount));
      add(this.issued, GRID, BigInt(amount));
    }
  }

  get height(): number {
    return this.follower.tip.height;
  }

  /** Of the last block; 0 before the first. */
  get timeMs(): number {
    return this.blocks.at(-1)?.timeMs ?? 0;
  }

  /** Key ids of the validators of the next block. */
  get validators(): readonly string[] {
    return this.follower.tip.validators.keys.map(toBase64Url);
  }

  /** Takes the blocks that the gateway shows by now; throws when one of them is not the next. */
  async follow(): Promise<void> {
    for await (const block of this.follower.blocks((height) => this.client.blockRecord(height))) this.take(block);
  }

  stateDigest(height: number): string | undefined {
    return this.blocks[height - 1]?.stateDigest;
  }

  /** The longest that the chain stood still after a height, in milliseconds of block time. */
  longestGapMs(fromHeight: number): number {
    let longest = 0;
    for (let height = Math.max(1, fromHeight); height < this.blocks.length; height++)
      longest = Math.max(longest, (this.blocks[height]?.timeMs ?? 0) - (this.blocks[height - 1]?.timeMs ?? 0));
    return longest;
  }

  missing(ids: ReadonlySet<string>): string[] {
    return [...ids].filter((id) => !this.outcomes.has(id));
  }

  /** Operations with more than one outcome. */
  doubled(): string[] {
    return [...this.outcomes].flatMap(([id, count]) => (count === 1 ? [] : [id]));
  }

  /** Assets of which more or less is held than was minted and not burned. */
  unbalanced(): string[] {
    return [...new Set([...this.posted.keys(), ...this.issued.keys()])].flatMap((asset) => {
      const [held, issued] = [this.posted.get(asset) ?? 0n, this.issued.get(asset) ?? 0n];
      return held === issued ? [] : [`${asset}: ${held} held, ${issued} minted and not burned`];
    });
  }

  /** What each account holds, by asset, free and held together; zeroes left out. */
  *holdings(): IterableIterator<[account: string, assets: ReadonlyMap<string, bigint>]> {
    for (const [account, assets] of this.balances)
      yield [account, new Map([...assets].filter(([, amount]) => amount !== 0n))];
  }

  private take({ block, height, time, results }: VerifiedBlock): void {
    this.blocks[height - 1] = { timeMs: time, stateDigest: toHex(block.certificate.stateDigest) };
    for (const { asked, outcome } of results) {
      if (asked !== undefined) this.outcomes.set(asked.operationId, (this.outcomes.get(asked.operationId) ?? 0) + 1);
      if (outcome.status !== 'executed') continue;
      for (const [account, asset, available, held] of outcome.postings)
        this.post(account, asset, BigInt(available) + BigInt(held));
      for (const event of outcome.events) this.issue(event);
    }
  }

  private post(account: string, asset: string, amount: bigint): void {
    add(this.posted, asset, amount);
    let own = this.balances.get(account);
    if (own === undefined) this.balances.set(account, (own = new Map<string, bigint>()));
    add(own, asset, amount);
  }

  private issue(event: LedgerEvent): void {
    switch (event.type) {
      case 'accounts.minted':
        return add(this.issued, event.asset, BigInt(event.amount));
      case 'accounts.burned':
        return add(this.issued, event.asset, -BigInt(event.amount));
      case 'metering.readingRecorded':
        return add(
          this.issued,
          `KWH:${event.zone}:${event.interval}`,
          BigInt(event.mintedWh) - BigInt(event.before?.mintedWh ?? '0'),
        );
      case 'settlement.positionSettled': {
        const gone = BigInt(event.retiredWh) + BigInt(event.surplusWh) + BigInt(event.expiredWh);
        return add(this.issued, `KWH:${event.zone}:${event.interval}`, -gone);
      }
      // What an era issues is the treasury's, or a validator's and its backers'; fees and slashes only move GRID.
      case 'staking.eraEnded':
        return add(this.issued, GRID, BigInt(event.remainder));
      case 'staking.validatorPaid':
        return add(this.issued, GRID, BigInt(event.share));
      case 'treasury.burned':
        return add(this.issued, GRID, -BigInt(event.amount));
      default:
        return;
    }
  }
}

function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}
