import { decodeVoteSignBytes, epochOf, type Vote, type VoteContext } from '@gridtokenx/chain';
import type { Crypto, Signature } from '@gridtokenx/crypto';
import { assert, DecodeError, equalBytes, fromBase64Url, fromHex } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { BlockContext, OperationContext } from '../ledger/module.js';
import { publicKeyOf, type ValidatorRow, type ValidatorsState } from './state.js';

/** What evidence is checked with. */
export interface EvidenceParts {
  readonly validators: ValidatorsState;
  readonly crypto: Pick<Crypto, 'verify'>;
  readonly ledgerId: string;
}

/** A validator whose key has signed two things, and where. */
export interface Equivocation extends Pick<VoteContext, 'epoch' | 'height' | 'round'> {
  readonly validator: string;
  readonly row: ValidatorRow;
}

/** What a ledger makes of an offence: each punishes its own. */
export interface EquivocationJudge {
  /** Why these votes call for nothing, or nothing more, if they do. */
  refuse(context: OperationContext, offence: Equivocation): RejectedOutcome | undefined;
  /** The votes are checked, and the fact is told. */
  convict(context: OperationContext, offence: Equivocation): void;
}

interface Offence {
  readonly context: VoteContext;
  readonly type: Vote['type'];
}

/** SPEC validators 5.1: two votes of one ledger, epoch, height, round and type that say different things. */
function offenceIn(ledgerId: string, epochBlocks: number, first: Uint8Array, second: Uint8Array): Offence | undefined {
  if (equalBytes(first, second)) return undefined;
  try {
    const [one, other] = [decodeVoteSignBytes(first), decodeVoteSignBytes(second)];
    const { context, vote } = one;
    const { epoch, height, round } = context;
    const isOneVote =
      context.ledgerId === ledgerId &&
      other.context.ledgerId === ledgerId &&
      epoch === epochOf(height, epochBlocks) &&
      other.context.epoch === epoch &&
      other.context.height === height &&
      other.context.round === round &&
      other.vote.type === vote.type;
    return isOneVote ? { context, type: vote.type } : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** SPEC validators 5.3: too old when it is so both in heights and in time; how old in time, the end of its epoch says. */
export function isExpired(
  state: ValidatorsState,
  { height, time }: BlockContext,
  offence: Pick<VoteContext, 'epoch' | 'height'>,
): boolean {
  if (height - offence.height <= state.evidence.heights) return false;
  if (offence.epoch >= epochOf(height, state.epochBlocks)) return false;
  // The time of an epoch is forgotten when nothing before it can be evidence any more.
  const after = state.epochs.get(String(offence.epoch + 1));
  return after === undefined || time - after.beganAt > state.evidence.ageMs;
}

/** SPEC validators 5.1 */
export function reportEquivocation(
  { validators: state, crypto, ledgerId }: EvidenceParts,
  judge: EquivocationJudge,
  context: OperationContext,
  { validator, first, second }: OperationOf<'validators.reportEquivocation'>,
): RejectedOutcome | undefined {
  const row = state.validators.get(validator);
  if (row === undefined) return rejected('validators.unknownValidator', { validator });
  const votes = [fromHex(first.vote), fromHex(second.vote)] as const;
  assert(votes[0] !== undefined && votes[1] !== undefined, 'what an operation holds has the form of its field');
  const offence = offenceIn(ledgerId, state.epochBlocks, votes[0], votes[1]);
  if (offence === undefined) return rejected('validators.notEvidence');
  const { epoch, height, round } = offence.context;
  // Else a liar could have all that it is still to sign dealt with beforehand.
  if (height > context.height) return rejected('validators.evidenceAhead');
  const equivocation: Equivocation = { validator, row, epoch, height, round };
  const refusal = judge.refuse(context, equivocation);
  if (refusal !== undefined) return refusal;
  const publicKey = publicKeyOf(validator);
  const isSigned = (vote: Uint8Array, text: string): boolean => {
    const signature = fromBase64Url(text);
    return signature?.length === 64 && crypto.verify(signature as Signature, vote, publicKey);
  };
  if (!isSigned(votes[0], first.signature) || !isSigned(votes[1], second.signature))
    return rejected('validators.badSignature');
  context.events.push({ type: 'validators.equivocated', validator, epoch, height, round, vote: offence.type });
  judge.convict(context, equivocation);
  return undefined;
}
