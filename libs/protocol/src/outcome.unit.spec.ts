import { JsonError, utf8 } from '@gridtokenx/kernel';
import { decodeOutcome, encodeOutcome, rejected, type Outcome } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';

const executed: Outcome = {
  v: 1,
  status: 'executed',
  events: [{ type: 'settlement.intervalSettled', interval: '2026-06-15T03:00:00Z/PT15M' }],
  postings: [['01'.repeat(16), 'WATT', '-5', '5']],
  holds: [['ab'.repeat(32), '01'.repeat(16), 'WATT', '5']],
};

describe('an outcome', () => {
  it('comes back as it was', () => {
    for (const outcome of [
      executed,
      rejected('market.orderNotOpen'),
      rejected('accounts.insufficientBalance', { available: '3', needed: '5' }),
      { ...executed, events: [], postings: [], holds: [] },
    ])
      expect(decodeOutcome(encodeOutcome(outcome))).toEqual(outcome);
  });

  it.each<[what: string, text: string]>([
    ['null', 'null'],
    ['a list', '[]'],
    ['of another version', '{"v":2,"status":"rejected","code":"x"}'],
    ['of no status', '{"v":1}'],
    ['of an inherited status', '{"v":1,"status":"toString"}'],
    ['executed without events', '{"v":1,"status":"executed","postings":[],"holds":[]}'],
    ['with an event of no type', '{"v":1,"status":"executed","events":[{}],"postings":[],"holds":[]}'],
    ['with a posting of three', '{"v":1,"status":"executed","events":[],"postings":[["a","b","1"]],"holds":[]}'],
    ['with an amount in a number', '{"v":1,"status":"executed","events":[],"postings":[],"holds":[["a","b","c",1]]}'],
    ['rejected without a code', '{"v":1,"status":"rejected"}'],
    ['rejected with a detail that is no text', '{"v":1,"status":"rejected","code":"x","detail":{"a":1}}'],
    ['rejected with a list of details', '{"v":1,"status":"rejected","code":"x","detail":["a"]}'],
  ])('is refused when it is %s', (_what, text) => {
    expect(() => decodeOutcome(utf8(text))).toThrow(TypeError);
  });

  it('is refused when it is not UTF-8 or not strict JSON', () => {
    expect(() => decodeOutcome(Uint8Array.of(0xff))).toThrow(TypeError);
    expect(() => decodeOutcome(utf8('{"v":1,"v":1}'))).toThrow(JsonError);
    expect(() => decodeOutcome(utf8('{"v":1.0}'))).toThrow(JsonError);
  });
});
