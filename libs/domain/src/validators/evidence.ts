import { decodeVoteSignBytes, epochOf, type Vote, type VoteContext } from '@gridtokenx/chain';
import type { Signature } from '@gridtokenx/crypto';
import { assert, DecodeError, equalBytes, fromBase64Url, fromHex } from '@gridtokenx/kernel';
import { rejected, type OperationOf, type RejectedOutcome } from '@gridtokenx/protocol';
import type { OperationContext } from '../ledger/module.js';
import { enact, type ValidatorsParts } from './enact.js';
import { publicKeyOf, type ValidatorsState } from './state.js';

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
function isExpired(state: ValidatorsState, { height, time }: OperationContext, offence: VoteContext): boolean {
  if (height - offence.height <= state.evidence.heights) return false;
  if (offence.epoch >= epochOf(height, state.epochBlocks)) return false;
  // The time of an epoch is forgotten when nothing before it can be evidence any more.
  const after = state.epochs.get(String(offence.epoch + 1));
  return after === undefined || time - after.beganAt > state.evidence.ageMs;
}

/** SPEC validators 5.1 */
export function reportEquivocation(
  { validators: state, registry, crypto, ledgerId }: ValidatorsParts,
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
  if (row.removed && height > row.lastHeight) return rejected('validators.notEvidence');
  if (height <= row.settledTo)
    return rejected('validators.evidenceSettled', { validator, height: String(row.settledTo) });
  if (isExpired(state, context, offence.context)) return rejected('validators.evidenceExpired');
  const publicKey = publicKeyOf(validator);
  const isSigned = (vote: Uint8Array, text: string): boolean => {
    const signature = fromBase64Url(text);
    return signature?.length === 64 && crypto.verify(signature as Signature, vote, publicKey);
  };
  if (!isSigned(votes[0], first.signature) || !isSigned(votes[1], second.signature))
    return rejected('validators.badSignature');

  state.validators.set(validator, { ...row, settledTo: context.height });
  context.events.push({ type: 'validators.equivocated', validator, epoch, height, round, vote: offence.type });
  const answering = state.answering(validator);
  if (answering === undefined || answering[1].removed || answering[1].suspended) return undefined;
  const change = { validator: answering[0], key: '', organisation: '', until: 0, approvals: [], turn: 0 };
  enact(state, registry, context, context.operationId, { kind: 'suspend', ...change });
  return undefined;
}
