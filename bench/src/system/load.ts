import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import { compactJws, operationIds, signingInputOf, type Operation } from '@gridtokenx/protocol';

/** One account of the load, and the key that signs for it. */
export interface LoadAccount {
  readonly account: string;
  readonly seedHex: string;
}

/** A prosumer, and the zone it trades in. */
export interface MarketAccount extends LoadAccount {
  readonly zone: string;
}

/** What the operations are: those of a market, or GRID that moves between accounts. */
export type LoadKind =
  | { readonly kind: 'market'; readonly interval: string; readonly accounts: readonly MarketAccount[] }
  | { readonly kind: 'grid'; readonly accounts: readonly LoadAccount[] };

export type LoadShape = LoadKind & {
  readonly ledgerId: string;
  /** Operations in one envelope. */
  readonly batch: number;
};

/** Of 100 operations so many are orders; the rest is cancels, as far as there is something to cancel, and transfers. */
const ORDERS_PER_100 = 60;
const CANCELS_PER_100 = 15;
/** Of 100 orders so many stand far from the middle and wait there: what later is cancelled. */
const PASSIVE_PER_100 = 40;
/** Of 100 orders near the middle so many are immediate-or-cancel. */
const IMMEDIATE_PER_100 = 25;
const MIDDLE_TICKS = 400;
const NEAR_TICKS = 10;
const FAR_TICKS = 60;
const QUANTITY_WH = [100, 5_000] as const;
/** Of WATT or GRID. */
const TRANSFER_MICRO = [1, 1_000_000] as const;
const VALID_FOR_MS = 50 * 60_000;

export interface LoadEnvelope {
  readonly bytes: Uint8Array;
  readonly hashHex: string;
}

interface Member extends LoadAccount {
  readonly seed: Uint8Array;
  readonly kid: string;
  sequence: number;
}

/** Makes the stream of signed envelopes: the keys take turns, so that an envelope is decided long before its key signs again. */
export abstract class LoadMaker<M extends LoadAccount = LoadAccount> {
  protected readonly members: readonly (M & Member)[];
  protected readonly prng: Prng;
  private turn = 0;

  protected constructor(
    private readonly shape: LoadShape,
    accounts: readonly M[],
    seed: number,
  ) {
    this.prng = new Prng(seed);
    this.members = accounts.map((account) => {
      const secret = Uint8Array.from(Buffer.from(account.seedHex, 'hex'));
      return { ...account, seed: secret, kid: toBase64Url(native.publicKeyOf(secret)), sequence: 0 };
    });
  }

  next(nowMs: number): LoadEnvelope {
    const member = this.members[this.turn++ % this.members.length];
    if (member === undefined) throw new Error('the load has accounts');
    const operations = Array.from({ length: this.shape.batch }, () => this.operation(member));
    const validUntil = formatTime(millis(Math.floor((nowMs + VALID_FOR_MS) / 1000) * 1000));
    const { ledgerId } = this.shape;
    const input = signingInputOf(member.kid, ledgerId, {
      sequence: ++member.sequence,
      validUntil,
      atomic: false,
      operations,
    });
    this.signed?.(member, operations, operationIds(native, ledgerId, input, operations.length));
    const bytes = compactJws(input, native.sign(input, member.seed));
    return { bytes, hashHex: toHex(native.sha256(bytes)) };
  }

  protected abstract operation(member: M): Operation;

  /** For a load that goes on from what it has asked for. */
  protected signed?(member: M, operations: readonly Operation[], ids: readonly Uint8Array[]): void;

  protected another(member: M): M {
    let other = member;
    while (other.account === member.account) other = this.prng.pick(this.members);
    return other;
  }

  protected amount(): string {
    return String(this.prng.between(...TRANSFER_MICRO));
  }
}

export function loadOf(shape: LoadShape, seed: number): LoadMaker {
  return shape.kind === 'market' ? new MarketLoad(shape, seed) : new GridLoad(shape, seed);
}

interface MarketMember extends MarketAccount {
  /** Own orders of earlier envelopes that rest, and were not cancelled yet. */
  readonly resting: string[];
}

class MarketLoad extends LoadMaker<MarketMember> {
  private readonly interval: string;

  constructor(shape: Extract<LoadShape, { kind: 'market' }>, seed: number) {
    super(
      shape,
      shape.accounts.map((account) => ({ ...account, resting: [] })),
      seed,
    );
    this.interval = shape.interval;
  }

  protected override operation(member: MarketMember): Operation {
    const drawn = this.prng.below(100);
    if (drawn < ORDERS_PER_100) return this.order(member);
    const order = drawn < ORDERS_PER_100 + CANCELS_PER_100 ? member.resting.shift() : undefined;
    return order === undefined ? this.transfer(member) : { type: 'market.cancelOrder', order };
  }

  protected override signed(
    { resting }: MarketMember,
    operations: readonly Operation[],
    ids: readonly Uint8Array[],
  ): void {
    operations.forEach((operation, at) => {
      const id = ids[at];
      if (id !== undefined && operation.type === 'market.placeOrder' && isFar(operation.priceTicks))
        resting.push(toHex(id));
    });
  }

  private order({ account, zone }: MarketMember): Operation {
    const { prng } = this;
    const side = prng.chance(0.5) ? 'bid' : 'ask';
    const waits = prng.below(100) < PASSIVE_PER_100;
    const away = prng.between(2 * NEAR_TICKS, FAR_TICKS);
    const priceTicks = waits
      ? MIDDLE_TICKS + (side === 'bid' ? -away : away)
      : prng.between(MIDDLE_TICKS - NEAR_TICKS, MIDDLE_TICKS + NEAR_TICKS);
    return {
      type: 'market.placeOrder',
      account,
      side,
      fromZone: zone,
      toZone: zone,
      interval: this.interval,
      priceTicks,
      quantityWh: String(prng.between(...QUANTITY_WH)),
      timeInForce: !waits && prng.below(100) < IMMEDIATE_PER_100 ? 'IOC' : 'GTC',
    };
  }

  private transfer(member: MarketMember): Operation {
    const { account: to } = this.another(member);
    return { type: 'accounts.transfer', from: member.account, to, asset: 'WATT', amount: this.amount() };
  }
}

const isFar = (priceTicks: number): boolean => Math.abs(priceTicks - MIDDLE_TICKS) > NEAR_TICKS;

class GridLoad extends LoadMaker {
  constructor(shape: Extract<LoadShape, { kind: 'grid' }>, seed: number) {
    super(shape, shape.accounts, seed);
  }

  protected override operation(member: LoadAccount): Operation {
    return { type: 'grid.transfer', to: this.another(member).account, amount: this.amount() };
  }
}
