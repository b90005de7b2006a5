import { native } from '@gridtokenx/crypto-native';
import { formatTime, millis, Prng, toBase64Url, toHex } from '@gridtokenx/kernel';
import { compactJws, operationIds, signingInputOf, type Operation } from '@gridtokenx/protocol';

/** One prosumer of the load: an account, the key that signs for it, and the zone it trades in. */
export interface LoadAccount {
  readonly account: string;
  readonly seedHex: string;
  readonly zone: string;
}

export interface LoadShape {
  readonly ledgerId: string;
  readonly interval: string;
  readonly accounts: readonly LoadAccount[];
  /** Operations in one envelope. */
  readonly batch: number;
}

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
const TRANSFER_MICRO_WATT = [1, 1_000_000] as const;
const VALID_FOR_MS = 50 * 60_000;

export interface LoadEnvelope {
  readonly bytes: Uint8Array;
  readonly hashHex: string;
}

interface Member extends LoadAccount {
  readonly seed: Uint8Array;
  readonly kid: string;
  sequence: number;
  /** Own orders of earlier envelopes that rest, and were not cancelled yet. */
  readonly resting: string[];
}

/** Makes the stream of signed envelopes: the keys take turns, so that an envelope is decided long before its key signs again. */
export class LoadMaker {
  private readonly members: Member[];
  private readonly prng: Prng;
  private turn = 0;

  constructor(
    private readonly shape: LoadShape,
    seed: number,
  ) {
    this.prng = new Prng(seed);
    this.members = shape.accounts.map((account) => {
      const seedBytes = Uint8Array.from(Buffer.from(account.seedHex, 'hex'));
      return { ...account, seed: seedBytes, kid: toBase64Url(native.publicKeyOf(seedBytes)), sequence: 0, resting: [] };
    });
  }

  next(nowMs: number): LoadEnvelope {
    const member = this.members[this.turn++ % this.members.length];
    if (member === undefined) throw new Error('the load has accounts');
    const { operations, passive } = this.operationsOf(member);
    const validUntil = formatTime(millis(Math.floor((nowMs + VALID_FOR_MS) / 1000) * 1000));
    const { ledgerId } = this.shape;
    const input = signingInputOf(member.kid, ledgerId, {
      sequence: ++member.sequence,
      validUntil,
      atomic: false,
      operations,
    });
    const ids = operationIds(native, ledgerId, input, operations.length);
    for (const at of passive) {
      const id = ids[at];
      if (id !== undefined) member.resting.push(toHex(id));
    }
    const bytes = compactJws(input, native.sign(input, member.seed));
    return { bytes, hashHex: toHex(native.sha256(bytes)) };
  }

  /** `passive`: the places of the orders that will rest. */
  private operationsOf(member: Member): { operations: Operation[]; passive: number[] } {
    const { prng } = this;
    const operations = Array.from({ length: this.shape.batch }, (): Operation => {
      const drawn = prng.below(100);
      if (drawn < ORDERS_PER_100) return this.order(member);
      const order = drawn < ORDERS_PER_100 + CANCELS_PER_100 ? member.resting.shift() : undefined;
      return order === undefined ? this.transfer(member) : { type: 'market.cancelOrder', order };
    });
    const passive = operations.flatMap((operation, at) =>
      operation.type === 'market.placeOrder' && isFar(operation.priceTicks) ? [at] : [],
    );
    return { operations, passive };
  }

  private order({ account, zone }: Member): Operation {
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
      interval: this.shape.interval,
      priceTicks,
      quantityWh: String(prng.between(...QUANTITY_WH)),
      timeInForce: !waits && prng.below(100) < IMMEDIATE_PER_100 ? 'IOC' : 'GTC',
    };
  }

  private transfer({ account }: Member): Operation {
    const { prng } = this;
    let to = account;
    while (to === account) to = prng.pick(this.members).account;
    const amount = String(prng.between(...TRANSFER_MICRO_WATT));
    return { type: 'accounts.transfer', from: account, to, asset: 'WATT', amount };
  }
}

const isFar = (priceTicks: number): boolean => Math.abs(priceTicks - MIDDLE_TICKS) > NEAR_TICKS;
