import type { Mutation } from './plant.js';

/** Known bugs: each a hole that a rule of the specification closes, and that the simulator must see. */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'quorum-2f+1',
    bug: 'a quorum is 2f + 1: at 21 validators two quorums of 13 share five, all of whom may lie',
    validators: 21,
    edits: [{ file: 'libs/chain/src/quorum.ts', function: 'quorumOf', body: '{ return 2 * faultsTolerated(n) + 1; }' }],
  },
  {
    name: 'forget-the-lock',
    bug: 'ROUND-CHANGE does not claim the own prepared certificate',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/step.ts',
        function: 'changeRound',
        replace: [['prepared: open.prepared?.certificate', 'prepared: undefined']],
      },
    ],
  },
  {
    name: 'forget-certificate-at-restart',
    bug: 'the prepared certificate of the record is not in force again after a restart',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/replica.ts',
        function: 'restoreFromRecord',
        replace: [['open.prepared = record.prepared', 'open.prepared = undefined']],
      },
    ],
  },
  {
    name: 'forget-signer-record',
    bug: 'a validator starts without looking at what it has signed',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/replica.ts',
        function: 'blankReplica',
        replace: [
          ['        record,', '        record: undefined,'],
          ['isRecordInherited: record !== undefined', 'isRecordInherited: false'],
        ],
      },
    ],
  },
  {
    name: 'publish-before-record',
    bug: 'a vote leaves before its record is durable',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/validator-host.ts',
        function: 'ValidatorHost.signAll',
        replace: [['await this.within(', 'void this.within(']],
      },
    ],
  },
  {
    name: 'vote-after-lost-record',
    bug: 'a validator whose record is lost votes at once',
    validators: 4,
    edits: [{ file: 'libs/runtime/src/rejoins.ts', function: 'whyLost', body: '{ return undefined; }' }],
  },
  {
    name: 'one-slot',
    bug: 'the signer record is always written over itself: a torn write loses it',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/signer-records.ts',
        function: 'SignerRecords.save',
        replace: [['this.sequence % 2 === 0 ? 0 : 1', '0']],
      },
    ],
  },
  {
    name: 'unjustified-round',
    bug: 'a PROPOSAL above round 0 is believed without a justification',
    validators: 4,
    edits: [{ file: 'libs/consensus/src/messages.ts', function: 'justificationFault', body: '{ return undefined; }' }],
  },
  {
    name: 'justified-by-too-few',
    bug: 'any number of ROUND-CHANGEs justifies a round',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/messages.ts',
        function: 'justificationFault',
        replace: [['roundChanges.length !== set.quorum || !isQuorum(set, roundChanges)', 'roundChanges.length < 1']],
      },
    ],
  },
  {
    name: 'lower-claim',
    bug: 'the certificate of a justification need not be the one of the highest claim',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/messages.ts',
        function: 'justificationFault',
        replace: [
          ['return highest < 0 ? undefined', 'return highest < round ? undefined'],
          ['prepared.round !== highest || highest >= round || !roundChanges.some(isHighestClaim)', 'false'],
        ],
      },
    ],
  },
  {
    name: 'unsigned-claim',
    bug: 'ROUND-CHANGE does not sign its claim: a leader strips or swaps it (C1)',
    validators: 4,
    edits: [
      {
        file: 'libs/chain/src/votes.ts',
        function: 'voteSignBytes',
        replace: [
          ['vote.prepared?.round ?? NO_ROUND', 'NO_ROUND'],
          ['vote.prepared?.blockHash ?? ZERO_HASH', 'ZERO_HASH'],
        ],
      },
    ],
  },
  {
    name: 'commit-in-left-round',
    bug: 'COMMIT is signed in a round that the sender has left (C2)',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/signer.ts',
        function: 'maySign',
        replace: [['return order > 0', 'return order > 0 || (height === record.height && step === 3)']],
      },
      {
        file: 'libs/consensus/src/step.ts',
        function: 'tryCommit',
        replace: [['prepared?.certificate.round !== round', 'prepared === undefined']],
      },
      {
        file: 'libs/consensus/src/step.ts',
        function: 'commit',
        replace: [['...base(replica)', '...base(replica), round: replica.open.prepared.certificate.round']],
      },
    ],
  },
  {
    name: 'skip-parent-hash',
    bug: 'a block need not name its parent',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/blocks.ts',
        function: 'headerFault',
        replace: [['!equalBytes(header.parentHash, tip.hash)', 'false']],
      },
    ],
  },
  {
    name: 'vote-without-bodies',
    bug: 'PREPARE for a block whose envelopes are not all held',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/block-executor.ts',
        function: 'BlockExecutor.verdictOn',
        replace: [['return undefined;', 'return true;']],
      },
    ],
  },
  {
    name: 'false-list',
    bug: 'the list of envelopes need not be the one of the operations root',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/candidate-lists.ts',
        function: 'CandidateLists.proves',
        replace: [['!equalBytes(candidate.header.operationsRoot, operationsRootOf(this.crypto, envelopes))', 'false']],
      },
    ],
  },
  {
    name: 'no-lower-time-bound',
    bug: 'a fresh block may be dated back over an outage (C4)',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/blocks.ts',
        function: 'isTimely',
        body: '{ return time <= now + config.clockToleranceMs; }',
      },
    ],
  },
  {
    name: 'no-upper-time-bound',
    bug: 'a block may come from the future',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/blocks.ts',
        function: 'isTimely',
        replace: [['time > now + config.clockToleranceMs', 'false']],
      },
    ],
  },
  {
    name: 'dead-height',
    bug: 'a block proposed again has a lower time bound, so that an old prepared block can never be PREPAREd (C4)',
    validators: 4,
    edits: [{ file: 'libs/consensus/src/blocks.ts', function: 'isTimely', replace: [['return !fresh ||', 'return']] }],
  },
  {
    name: 'no-resend',
    bug: 'own messages are sent once (C7)',
    validators: 4,
    edits: [{ file: 'libs/consensus/src/step.ts', function: 'resend', body: '{ replica.open.resendAt = Infinity; }' }],
  },
  {
    name: 'uncapped-timers',
    bug: 'round timers grow fourfold and without end',
    validators: 4,
    edits: [
      {
        file: 'libs/consensus/src/timing.ts',
        function: 'roundTimeoutMs',
        body: '{ return config.baseTimeoutMs * 4 ** round; }',
      },
    ],
  },
  {
    name: 'votes-counted-twice',
    bug: 'a repeated vote counts again',
    validators: 4,
    edits: [{ file: 'libs/consensus/src/inbox.ts', function: 'find', body: '{ return undefined; }' }],
  },
  {
    name: 'unchecked-certificate',
    bug: 'readers of blocks do not verify the signatures of a certificate',
    validators: 4,
    edits: [
      {
        file: 'libs/chain/src/certificate.ts',
        function: 'certificateIsValid',
        body: '{ return certificate.epoch === set.epoch; }',
      },
    ],
  },
  {
    name: 'no-replay-window',
    bug: 'a sequence may be used again',
    validators: 4,
    edits: [{ file: 'libs/domain/src/ledger/replay.ts', function: 'refuseSequence', body: '{ return undefined; }' }],
  },
  {
    name: 'unsigned-envelope',
    bug: 'the signature of an envelope is not verified',
    validators: 4,
    edits: [
      {
        file: 'libs/protocol/src/envelope.ts',
        function: 'decodeEnvelope',
        replace: [['!signatureKnown && !crypto.verify(signatureBytes, signingInput, publicKey)', 'false']],
      },
    ],
  },
  {
    name: 'undo-misses-a-row',
    bug: 'taking back a change leaves its first row as it is',
    validators: 4,
    edits: [
      { file: 'libs/domain/src/ledger/store.ts', function: 'Store.undoTo', replace: [['i >= mark', 'i > mark']] },
    ],
  },
  {
    name: 'results-by-arrival',
    bug: 'what a block does depends on what the machine has seen',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/block-executor.ts',
        function: 'BlockExecutor.execute',
        replace: [['time, proposer, parentSigners', 'time: time + (this.verdicts.size % 2), proposer, parentSigners']],
      },
    ],
  },
  {
    name: 'unchecked-checkpoint',
    bug: 'a validator PREPAREs a block that tells another checkpoint root than its own',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/block-executor.ts',
        function: 'BlockExecutor.isAcceptable',
        replace: [['!equalBytes(header.checkpointRoot, ledger.checkpoints.rootOf(header.height))', 'false']],
      },
    ],
  },
  {
    name: 'unchecked-snapshot',
    bug: 'the rows of a snapshot need not be those of the certified root',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/snapshot-format.ts',
        function: 'decodePart',
        replace: [['!equalBytes(root, partRoots[index] ?? new Uint8Array(0))', 'false']],
      },
    ],
  },
  {
    name: 'uncovered-checkpoint',
    bug: 'the header that tells the root of a snapshot need not be certified',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/snapshot-format.ts',
        function: 'certifiedFault',
        replace: [['certificateIsValid(crypto, rules.ledgerId, set, certificate)', 'true']],
      },
    ],
  },
  {
    name: 'vote-of-one',
    bug: 'one organisation changes the validators alone',
    validators: 4,
    edits: [{ file: 'libs/domain/src/validators/changes.ts', function: 'votesNeeded', body: '1' }],
  },
  {
    name: 'block-published-once',
    bug: 'a block record that the bus has lost is not appended again',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/block-publisher.ts',
        function: 'BlockPublisher.noteSeen',
        replace: [['lost.offset = undefined;', 'continue;']],
      },
    ],
  },
  {
    name: 'evidence-kept',
    bug: 'who has caught an equivocator tells nobody',
    validators: 4,
    edits: [{ file: 'libs/runtime/src/accusations.ts', function: 'Accusations.submit', body: '{}' }],
  },
  {
    name: 'stale-cursor',
    bug: 'a projector whose store was set back goes on at an offset of a topic that is no more, and looks for nothing that it lacks',
    validators: 4,
    edits: [
      {
        file: 'libs/runtime/src/projector.ts',
        function: 'Projector.take',
        replace: [['await this.startOffsetOf(cursor)', 'cursor.logOffset']],
      },
      { file: 'libs/runtime/src/projector.ts', function: 'Projector.closeGap', body: '{}' },
    ],
  },
  {
    name: 'fees-forgiven',
    bug: 'of the accounts that owe fees for a block every second one keeps them',
    ledger: 'public',
    validators: 100,
    edits: [
      {
        file: 'libs/domain/src/grid/fees.ts',
        function: 'collectFees',
        replace: [['sum += grid.settle(debt.key)', 'if (payers % 2 === 0) sum += grid.settle(debt.key)']],
      },
    ],
  },
];

export function mutationNamed(name: string): Mutation {
  const found = MUTATIONS.find((mutation) => mutation.name === name);
  if (found === undefined) throw new Error(`there is no mutation ${name}`);
  return found;
}
