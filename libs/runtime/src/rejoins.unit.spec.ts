import { VOTE_STEPS } from '@gridtokenx/chain';
import { signBytesOf, type ConsensusMessage, type SignerRecord } from '@gridtokenx/consensus';
import { native } from '@gridtokenx/crypto-native';
import { createLedger, type Execution } from '@gridtokenx/domain';
import { toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, encodeOutcome } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { StillClock, START_MS, TestChain } from './fixture.spec.js';
import { HostEnvelopes } from './host-envelopes.js';
import { Rejoins, whyLost } from './rejoins.js';
import { Timers } from './timers.js';

const chain = new TestChain();
const ME = 2;
const TIP = 6;

const prepare = (height: number, round: number, block = 'block', validator = ME): ConsensusMessage =>
  chain.sign({ type: 'prepare', epoch: 0, height, round, validator, blockHash: native.sha256(utf8(block)) });

const recordOf = (message: ConsensusMessage): SignerRecord => ({
  height: message.height,
  round: message.round,
  step: VOTE_STEPS[message.type],
  signBytes: signBytesOf(message, chain.ledgerId),
  prepared: undefined,
  committed: undefined,
});

const why = (record: SignerRecord | undefined, ...onBus: ConsensusMessage[]): string | undefined =>
  whyLost(chain.ledgerId, ME, TIP, record, 'loaded', onBus);

describe('a signer record at a start', () => {
  it('is good when the newest slot was torn: what was signed there was never published (C5)', () => {
    const [before, last] = [prepare(TIP + 1, 0), prepare(TIP + 1, 1)];
    expect(why(recordOf(before), before)).toBeUndefined();
    // Else it would be on the bus, and then the record would not be the newest.
    expect(why(recordOf(before), before, last)).toBe('an own prepare at height 7 is above the signer record');
  });

  it('that was restored is valid in itself, and is found out by the own messages above it on the bus (C5)', () => {
    const restored = recordOf(prepare(TIP - 3, 0));
    expect(why(restored)).toBeUndefined();
    expect(why(restored, prepare(TIP + 1, 0))).toBe('an own prepare at height 7 is above the signer record');
    expect(why(recordOf(prepare(TIP + 1, 0)), prepare(TIP + 1, 0, 'another block'))).toContain(
      'above the signer record',
    );
    // What others have signed, and what lies below the tip, says nothing of it.
    expect(why(restored, prepare(TIP + 1, 0, 'block', 1), prepare(TIP, 0))).toBeUndefined();
  });
});

describe('a validator whose record is lost', () => {
  const [first] = chain.consortium.validatorSeeds;
  if (first === undefined) throw new Error('there are four');
  const key = { seed: first, kid: toBase64Url(native.publicKeyOf(first)) };

  it.each([0, -30_000, 30_000])(
    'votes again above the block that holds the nonce of this start, and no other, with a clock %i ms off (C5)',
    (skewMs) => {
      const clock = new StillClock(START_MS + skewMs);
      const ledger = createLedger(native, chain.consortium.identity);
      const submitted: Uint8Array[] = [];
      let starts = 0;
      const start = (): Rejoins => {
        const nonce = new Uint8Array(32).fill(++starts);
        return new Rejoins({
          ledger,
          envelopes: new HostEnvelopes({ crypto: native, ledgerId: chain.ledgerId, ledger, clock }),
          clock,
          timers: new Timers(clock, () => {}),
          randomBytes: () => nonce,
          submit: (envelope) => submitted.push(envelope),
          onAsked: () => {},
        });
      };
      const grants = (start: number): Execution['results'] => [
        {
          operationId: native.sha256(utf8('operation')),
          outcome: encodeOutcome({
            v: 1,
            status: 'executed',
            events: [{ type: 'validators.rejoined', validator: key.kid, nonce: toHex(new Uint8Array(32).fill(start)) }],
            postings: [],
            holds: [],
          }),
        },
      ];
      start().ask(key, 'lost');
      // It died, and its request is in a block only now.
      const rejoins = start();
      rejoins.ask(key, 'lost');
      expect(submitted.map((bytes) => decodeEnvelope(native, chain.ledgerId, bytes).operations)).toMatchObject([
        [{ nonce: '01'.repeat(32) }],
        [{ nonce: '02'.repeat(32) }],
      ]);
      expect(rejoins.takeGranted(grants(1))).toEqual([]);
      expect(rejoins.isAsking(key.kid)).toBe(true);
      expect(rejoins.takeGranted(grants(2))).toEqual([key.kid]);
      expect(rejoins.open).toBe(0);
    },
  );
});
