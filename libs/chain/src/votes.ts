import { HASH_BYTES, type Hash, ZERO_HASH } from '@gridtokenx/crypto';
import { ByteReader, ByteWriter, equalBytes, unreachable, utf8 } from '@gridtokenx/kernel';
import { PROTOCOL_VERSION } from '@gridtokenx/protocol';
import { ledgerIdBytes, readLedgerId } from './header.js';

/** Which signature: ledger, epoch, height and round are in the sign bytes of each. */
export interface VoteContext {
  readonly ledgerId: string;
  readonly epoch: number;
  readonly height: number;
  readonly round: number;
}

export type Vote =
  | { readonly type: 'proposal'; readonly blockHash: Hash }
  | { readonly type: 'prepare'; readonly blockHash: Hash }
  | { readonly type: 'commit'; readonly blockHash: Hash; readonly resultsRoot: Hash; readonly stateDigest: Hash }
  /** What the sender has prepared: signed, so that a leader cannot swap the claim. */
  | {
      readonly type: 'roundChange';
      readonly prepared: { readonly round: number; readonly blockHash: Hash } | undefined;
    };

/** Steps within one round, in the order in which a validator may sign them. */
export const VOTE_STEPS = { roundChange: 0, proposal: 1, prepare: 2, commit: 3 } as const satisfies Record<
  Vote['type'],
  number
>;

const DOMAIN = utf8('gridtokenx/vote\0');
const NO_ROUND = 0xffff_ffff;

/** SPEC wire 4.3: the bytes that a vote signs. */
export function voteSignBytes(context: VoteContext, vote: Vote): Uint8Array {
  const writer = new ByteWriter(256)
    .fixed(DOMAIN)
    .u16(PROTOCOL_VERSION)
    .fixed(ledgerIdBytes(context.ledgerId))
    .u64(context.epoch)
    .u64(context.height)
    .u32(context.round)
    .u8(VOTE_STEPS[vote.type]);
  switch (vote.type) {
    case 'proposal':
    case 'prepare':
      return writer.fixed(vote.blockHash).done();
    case 'commit':
      return writer.fixed(vote.blockHash).fixed(vote.resultsRoot).fixed(vote.stateDigest).done();
    case 'roundChange':
      return writer
        .u32(vote.prepared?.round ?? NO_ROUND)
        .fixed(vote.prepared?.blockHash ?? ZERO_HASH)
        .done();
    default:
      return unreachable(vote);
  }
}

/** No vote signs more than this. */
export const VOTE_BYTES_MAX = 256;

/**
 * What sign bytes say, for someone who was shown a signature and not the message. Throws DecodeError `vote.*`; what it accepts
 * is what {@link voteSignBytes} writes.
 */
export function decodeVoteSignBytes(bytes: Uint8Array): { readonly context: VoteContext; readonly vote: Vote } {
  const reader = new ByteReader(bytes, 'vote');
  if (!equalBytes(reader.fixed(DOMAIN.length), DOMAIN)) reader.fail('domain');
  if (reader.u16() !== PROTOCOL_VERSION) reader.fail('version');
  const context: VoteContext = {
    ledgerId: readLedgerId(reader),
    epoch: reader.u64(),
    height: reader.u64(),
    round: reader.u32(),
  };
  if (context.round === NO_ROUND) reader.fail('round');
  const vote = readVote(reader);
  reader.end();
  return { context, vote };
}

function readVote(reader: ByteReader): Vote {
  const hash = (): Hash => reader.fixed(HASH_BYTES) as Hash;
  switch (reader.u8()) {
    case VOTE_STEPS.proposal:
      return { type: 'proposal', blockHash: hash() };
    case VOTE_STEPS.prepare:
      return { type: 'prepare', blockHash: hash() };
    case VOTE_STEPS.commit:
      return { type: 'commit', blockHash: hash(), resultsRoot: hash(), stateDigest: hash() };
    case VOTE_STEPS.roundChange: {
      const round = reader.u32();
      const blockHash = hash();
      if (round !== NO_ROUND) return { type: 'roundChange', prepared: { round, blockHash } };
      if (!equalBytes(blockHash, ZERO_HASH)) reader.fail('claim');
      return { type: 'roundChange', prepared: undefined };
    }
    default:
      return reader.fail('type');
  }
}
