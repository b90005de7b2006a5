import { describe, expect, it } from '@jest/globals';
import { figuresOf, type Measured } from './run.js';
import type { SeenBlock } from './watch.js';

const FROM = 10_000;
const SECONDS = 10;
const PER_BLOCK = 1_000;

/** A block a second, each with one request that was due, sent and acknowledged half a second before it. */
const blocks = Array.from({ length: SECONDS + 4 }, (_, i): SeenBlock => {
  const orders = Array.from({ length: 600 }, (_order, at) => `${i}-${at}`);
  return {
    height: i + 1,
    arrivedMs: FROM - 2_000 + 1_000 * i,
    round: i === 5 ? 1 : 0,
    timeMs: 0,
    operations: PER_BLOCK,
    packedBytes: 100_000,
    envelopes: [{ hash: `envelope ${i}`, operations: PER_BLOCK }],
    orders,
    traded: new Set(orders.slice(0, 300)),
    trades: 150,
    transfers: 0,
    rejected: new Map([['order.unknown', 5]]),
  };
});
const measured: Measured = {
  rate: PER_BLOCK,
  batch: PER_BLOCK,
  requests: blocks.map(({ arrivedMs, envelopes }) => ({
    ...{ dueMs: arrivedMs - 520, sentMs: arrivedMs - 510, ackMs: arrivedMs - 500 },
    ...{ operations: PER_BLOCK, hashes: envelopes.map(({ hash }) => hash) },
  })),
  busy: 0,
  busyWithRetryAfter: 0,
  blocks,
  projectedMs: new Map(blocks.map(({ height, arrivedMs }) => [height, arrivedMs + 200])),
  measuredFrom: FROM,
  measuredTo: FROM + 1_000 * SECONDS,
  cpuByProcess: { 'validators-1': 0.3, gateway: 0.2 },
  stolenCores: 0,
  consensusCores: { 'validators-1': 0.1 },
  memory: [{ a: 100 }, { a: 110 }, { a: 120 }, { a: 121 }],
  verificationsPerProcess: { 'validators-1': 14 },
};
const options = { ledger: 'consortium', keys: 1_024, checkLoad: true } as const;

describe('the figures of a run', () => {
  it('are those of the measured seconds', () => {
    expect(figuresOf(measured, options)).toMatchObject({
      ...{ committedPerSecond: 1_000, projectedPerSecond: 1_000, loadOffered: 1_000, blocks: 10, operations: 10_000 },
      ...{ finalityMsP50: 500, finalityMsP99: 500, ackMsP99: 20, projectionLagMsP99: 200, roundsPerHeight: 1.1 },
      ...{ cpuCores: 0.5, cpuUsPerOperation: 500, rssMb: 121, rssGrowth: 1.1, lost: 0, sustained: true },
      ...{ orderShare: 0.6, tradedShare: 0.5, rejectedShare: 0.005, operationsDecided: 14_000, envelopesDecided: 14 },
    });
  });

  it('count as lost what was acknowledged and is in no block', () => {
    const [first, ...others] = measured.requests;
    const requests = first === undefined ? [] : [{ ...first, hashes: ['in no block'] }, ...others];
    expect(figuresOf({ ...measured, requests }, options)).toMatchObject({ lost: 1_000, sustained: false });
  });

  it('are not sustained when the finality or the projection is three seconds late', () => {
    const early = measured.requests.map((request) => ({ ...request, ackMs: (request.ackMs ?? 0) - 2_600 }));
    expect(figuresOf({ ...measured, requests: early }, options).sustained).toBe(false);
    const projectedMs = new Map(blocks.slice(0, 8).map(({ height, arrivedMs }) => [height, arrivedMs]));
    expect(figuresOf({ ...measured, projectedMs }, options)).toMatchObject({
      projectionLagMsP99: Number.POSITIVE_INFINITY,
      sustained: false,
    });
  });

  it('count what was refused and not offered again, and take no latency from it', () => {
    const requests = measured.requests.map((request, i) =>
      i === 4 ? { ...request, ackMs: undefined, hashes: [] } : request,
    );
    expect(figuresOf({ ...measured, requests, busy: 1 }, options)).toMatchObject({ refusedOperations: 1_000, lost: 0 });
  });

  it('are held to six seconds a block on the public ledger, and are refused when GRID hardly moved', () => {
    const transfers = blocks.map((block) => ({
      ...block,
      orders: [],
      traded: new Set<string>(),
      transfers: PER_BLOCK,
    }));
    const early = measured.requests.map((request) => ({ ...request, ackMs: (request.ackMs ?? 0) - 11_000 }));
    const grid = { ...options, ledger: 'public' } as const;
    const late = { ...measured, requests: early, blocks: transfers };
    expect(figuresOf(late, grid)).toMatchObject({ finalityMsP99: 11_500, sustained: true, transferShare: 1 });
    const few = transfers.map((block) => ({ ...block, transfers: 960 }));
    expect(() => figuresOf({ ...measured, blocks: few }, grid)).toThrow(/only 96.0 % of the operations moved GRID/);
    expect(() => figuresOf(measured, grid)).toThrow(/only 0.0 %/);
  });

  it('are refused for another load than the one that is defined, unless it is an overload', () => {
    const calm = blocks.map((block) => ({ ...block, traded: new Set<string>() }));
    expect(() => figuresOf({ ...measured, blocks: calm }, options)).toThrow(/0.0 % of the orders traded/);
    expect(() => figuresOf(measured, { ...options, keys: 10 })).toThrow(/10 keys/);
    const spoilt = blocks.map((block) => ({ ...block, rejected: new Map([['order.unknown', 70]]) }));
    expect(() => figuresOf({ ...measured, blocks: spoilt }, options)).toThrow(/7.0 % was rejected/);
    expect(figuresOf({ ...measured, blocks: spoilt }, { ...options, checkLoad: false }).rejectedShare).toBe(0.07);
  });
});
