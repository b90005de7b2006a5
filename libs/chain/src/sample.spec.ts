import { native } from '@gridtokenx/crypto-native';
import { ZERO_HASH, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { height, millis, toHex, utf8 } from '@gridtokenx/kernel';
import {
  decodeEnvelope,
  encodeOutcome,
  rejected,
  signEnvelope,
  type Envelope,
  type Operation,
} from '@gridtokenx/protocol';
import {
  commitSignBytes,
  headerHash,
  operationsRootOf,
  resultsOf,
  resultsRootOf,
  tipAfter,
  validatorSet,
  type Block,
  type BlockOutcome,
  type Certificate,
  type ChainRules,
  type ChainTip,
  type Header,
  type Result,
  type ValidatorSet,
} from '@gridtokenx/chain';

/** A small chain whose keys are known, for the specs beside this file and the examples in docs/spec/wire.md. */

export const LEDGER = 'gridtokenx-consortium-0123abcd';
/** RFC 8032 section 7.1, test 1. */
export const CLIENT_SEED = Uint8Array.from(
  Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex'),
);
export const hashOf = (text: string): Hash => native.sha256(utf8(text));

/** n validators whose seeds are 32 bytes of 1, of 2, and so on; in set order. */
export function validatorsOf(n: number, epoch = 0): { set: ValidatorSet; seeds: readonly Uint8Array[] } {
  const seeds = Array.from({ length: n }, (_, i) => new Uint8Array(32).fill(i + 1));
  const seedOf = new Map(seeds.map((seed) => [toHex(native.publicKeyOf(seed)), seed]));
  const set = validatorSet(native, epoch, seeds.map(native.publicKeyOf));
  return { set, seeds: set.keys.map((key: PublicKey) => seedOf.get(toHex(key)) ?? new Uint8Array(32)) };
}

/** A certificate for these fields, signed by the validators of these indexes. */
export function certify(
  fields: Omit<Certificate, 'signatures'>,
  seeds: readonly Uint8Array[],
  signers: readonly number[],
  ledgerId = LEDGER,
): Certificate {
  const signBytes = commitSignBytes(ledgerId, { ...fields, signatures: [] });
  const signatures = signers.map((validator) => ({
    validator,
    signature: native.sign(signBytes, seeds[validator] ?? new Uint8Array(32)),
  }));
  return { ...fields, signatures };
}

export const firstOf = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

export const operations: readonly Operation[] = [
  { type: 'market.cancelOrder', order: 'ab'.repeat(32) },
  { type: 'market.cancelOrder', order: 'cd'.repeat(32) },
];
export const envelopeOf = (sequence: number): Envelope =>
  decodeEnvelope(
    native,
    LEDGER,
    signEnvelope(native, CLIENT_SEED, LEDGER, {
      sequence,
      validUntil: '2026-06-15T03:10:00Z',
      atomic: false,
      operations,
    }),
  );

export const RULES: ChainRules = { ledgerId: LEDGER, epochBlocks: 10 };

export const genesisTip = {
  height: 0,
  hash: hashOf('genesis'),
  certificateHash: ZERO_HASH,
  certificate: undefined,
  time: Date.UTC(2026, 5, 15, 3),
  stateDigest: hashOf('state 0'),
  certifiedBy: validatorsOf(4).set,
  validators: validatorsOf(4).set,
} satisfies ChainTip;

export interface Sample {
  readonly block: Block;
  readonly envelopes: readonly Envelope[];
  readonly results: readonly Result[];
  readonly tip: ChainTip;
}

/** The block after `tip`: a hook, two envelopes of two refused operations each, a hook. */
export function blockAfter(
  tip: ChainTip,
  { set, seeds }: ReturnType<typeof validatorsOf>,
  changes: {
    header?: Partial<Header>;
    nextValidators?: readonly PublicKey[];
    outcomes?: readonly BlockOutcome[];
    signers?: readonly number[];
  } = {},
): Sample {
  const envelopes = [envelopeOf(2 * tip.height + 1), envelopeOf(2 * tip.height + 2)];
  const refused: BlockOutcome = { hook: false, bytes: encodeOutcome(rejected('market.unknownOrder')) };
  const hook: BlockOutcome = {
    hook: true,
    bytes: encodeOutcome({ v: 1, status: 'executed', events: [], postings: [], holds: [] }),
  };
  const outcomes = changes.outcomes ?? [hook, refused, refused, refused, refused, hook];
  const results = resultsOf(outcomes, envelopes) ?? [];
  const header: Header = {
    version: 1,
    ledgerId: LEDGER,
    epoch: set.epoch,
    height: height(tip.height + 1),
    proposer: 0,
    parentHash: tip.hash,
    parentCertificateHash: tip.certificateHash,
    time: millis(tip.time + 1_000),
    operationsRoot: operationsRootOf(native, envelopes),
    validatorsHash: set.hash,
    nextValidatorsHash: set.hash,
    checkpointRoot: ZERO_HASH,
    ...changes.header,
  };
  const certificate = certify(
    {
      epoch: header.epoch,
      height: header.height,
      round: 0,
      blockHash: headerHash(native, header),
      resultsRoot: resultsRootOf(native, results),
      stateDigest: hashOf(`state ${header.height}`),
    },
    seeds,
    changes.signers ?? firstOf(set.quorum),
    header.ledgerId,
  );
  const block = {
    header,
    parentCertificate: tip.certificate,
    certificate,
    nextValidators: changes.nextValidators,
    envelopes: envelopes.map(({ bytes }) => bytes),
    outcomes,
  };
  return { block, envelopes, results, tip: tipAfter(native, RULES, { validators: set }, block) };
}
