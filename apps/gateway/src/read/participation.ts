import { decodeCertificate } from '@gridtokenx/chain';
import type { KnownValidatorView, ParticipationView, ValidatorSetView } from '@gridtokenx/runtime';

/** The last blocks over which the table counts. */
export const PARTICIPATION_BLOCKS = 100;

/** The last message of a validator that a gateway heard on the consensus topic, its signature verified. */
export interface LastVote {
  readonly height: number;
  readonly round: number;
  readonly type: 'proposal' | 'prepare' | 'commit' | 'roundChange';
  readonly heardAtMs: number;
}

/** What a gateway heard for itself; only of heights from `fromHeight` on it heard everything that was said. */
export interface Heard {
  readonly fromHeight: number;
  voted(height: number, kid: string): boolean;
  last(kid: string): LastVote | undefined;
}

export interface Participation extends KnownValidatorView {
  /** Its index in the set that decides the next block; `undefined` when it is not in it. */
  readonly index: number | undefined;
  readonly last: LastVote | undefined;
  readonly lastSignedHeight: number | undefined;
  /** Of the last blocks: those that it had a part in deciding, and those whose certificate it signed. */
  readonly memberBlocks: number;
  readonly signedBlocks: number;
  /** Of the last blocks: those of which everything was heard, and those for which nothing of it was. */
  readonly observedBlocks: number;
  readonly missedVotes: number;
}

/** SPEC participation 1.2 and 1.3: the counts of each validator, from what blocks tell and from what was heard. */
export function participationOf(view: ParticipationView, heard: Heard, height: number): Participation[] {
  const setAt = (at: number): ValidatorSetView | undefined => view.sets.findLast(({ fromHeight }) => fromHeight <= at);
  const next = setAt(height + 1)?.kids ?? [];
  const counts = new Map(view.validators.map(({ kid }) => [kid, emptyCount()]));
  for (const { height: at, certificate } of view.certificates) {
    const kids = setAt(at)?.kids ?? [];
    const signers = new Set(
      decodeCertificate(certificate, kids.length).signatures.map(({ validator }) => kids[validator]),
    );
    // A vote is late, and no miss, until the next block is final.
    const isObserved = at >= heard.fromHeight && at < height;
    for (const kid of kids) {
      const count = counts.get(kid);
      if (count === undefined) continue;
      const signed = signers.has(kid);
      count.memberBlocks++;
      if (signed) count.signedBlocks++;
      if (signed) count.lastSignedHeight = Math.max(count.lastSignedHeight ?? 0, at);
      if (!isObserved) continue;
      count.observedBlocks++;
      if (!signed && !heard.voted(at, kid)) count.missedVotes++;
    }
  }
  return view.validators.map((known) => {
    const index = next.indexOf(known.kid);
    return {
      ...known,
      ...(counts.get(known.kid) ?? emptyCount()),
      index: index < 0 ? undefined : index,
      last: heard.last(known.kid),
    };
  });
}

interface Count {
  memberBlocks: number;
  signedBlocks: number;
  observedBlocks: number;
  missedVotes: number;
  lastSignedHeight: number | undefined;
}

const emptyCount = (): Count => ({
  memberBlocks: 0,
  signedBlocks: 0,
  observedBlocks: 0,
  missedVotes: 0,
  lastSignedHeight: undefined,
});
