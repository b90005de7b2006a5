import { createHash } from 'node:crypto';
import { decodeProofJson, verifyOutcome, type OperationView } from '@gridtokenx/client';
import { native } from '@gridtokenx/crypto-native';
import { formatDecimal } from '@gridtokenx/kernel';
import type { EventOf, EventType, LedgerEvent, Operation } from '@gridtokenx/protocol';
import type { Person } from '../system/development-public.js';
import type { PublicStage, Scene } from './scene.js';

/** The proposal of the brief: of the energy traded, so much shall be renewable; in 0.0001. */
const TARGET = 4_000;
const ENACTED_WITHIN_MS = 300_000;
const MICRO = 1_000_000n;

/** Who votes what, with capital in whole GRID. */
const VOTES: readonly {
  readonly who: Person;
  readonly aye: boolean;
  readonly conviction: 0 | 1 | 2 | 3;
  grid: number;
}[] = [
  { who: 'cooperative', aye: true, conviction: 2, grid: 1_500_000 },
  { who: 'solar-park', aye: true, conviction: 3, grid: 1_000_000 },
  { who: 'factory', aye: false, conviction: 1, grid: 600_000 },
  { who: 'school', aye: true, conviction: 1, grid: 200_000 },
];

interface Proven {
  readonly height: number;
  readonly signers: number;
  readonly events: readonly LedgerEvent[];
}

/** A policy from its text to its enactment, each step told by the ledger and proven. */
export const governanceScene: Scene = {
  name: 'governance',
  title: 'a renewable-energy policy is proposed, voted on and enacted',
  play: ({ public: stage, say }) => playGovernance(stage, say),
};

/** The scene on a public ledger, whatever stands beside it. */
export async function playGovernance(
  stage: PublicStage,
  say: (line: string) => void,
): Promise<Readonly<Record<string, unknown>>> {
  const { client, people, anchor } = stage;
  const before = Number((await parameter(stage)).value);
  const call = JSON.stringify({
    type: 'parameters.set',
    name: 'policy.renewableShareTarget',
    value: String(TARGET),
  } satisfies Operation);
  const callHash = createHash('sha256').update(call).digest('hex');

  const carryOut = async (who: Person, operation: Operation): Promise<Proven> => {
    const [done] = await people.carryOut(who, [operation]);
    return prove(stage, done);
  };
  await carryOut('cooperative', { type: 'governance.notePreimage', callHash, call });
  const proposed = await carryOut('cooperative', { type: 'governance.propose', track: 'marketPolicy', callHash });
  const { referendum } = eventOf(proposed.events, 'governance.proposed');
  say(
    `the cooperative proposes ${percent(TARGET)} renewable energy (it is ${percent(before)}): referendum ${referendum}`,
  );
  say(
    `what it would do is named by its hash ${callHash.slice(0, 16)}…; block ${proposed.height}, ${proposed.signers} signatures`,
  );
  await carryOut('foundation', { type: 'governance.placeDeposit', referendum });
  say('the foundation places the decision deposit; votes are taken');

  await Promise.all(
    VOTES.map(async ({ who, aye, conviction, grid }) => {
      const capital = (BigInt(grid) * MICRO).toString();
      const vote = { kind: 'standard', aye, conviction, capital } as const;
      const { height } = await carryOut(who, { type: 'governance.vote', referendum, vote });
      say(`${who} says ${aye ? 'aye' : 'nay'} with ${grid} GRID, conviction ${conviction} (block ${height})`);
    }),
  );
  await carryOut('household', {
    type: 'governance.delegate',
    track: 'marketPolicy',
    to: (await stage.ledger.key('school')).kid,
    conviction: 1,
    amount: (40_000n * MICRO).toString(),
  });
  say('a household lets the school vote for it with 40000 GRID');

  const ends = Date.now() + ENACTED_WITHIN_MS;
  let phase = '';
  let view = await client.read(`/proposals/${referendum}`);
  for (; view['status'] !== 'enacted'; view = await client.read(`/proposals/${referendum}`)) {
    if (view['status'] !== phase) say(`referendum ${referendum} is ${(phase = String(view['status']))}`);
    if (Date.now() > ends || phase === 'rejected' || phase === 'cancelled')
      throw new Error(`the referendum was not enacted: ${JSON.stringify(view)}`);
    await new Promise((done) => setTimeout(done, 1_000));
  }
  const after = await parameter(stage);
  if (Number(after.value) !== TARGET) throw new Error('the enacted policy is not in force');
  const { ayes, nays, support } = view['tally'] as Readonly<Record<'ayes' | 'nays' | 'support', string>>;
  say(
    `approved with ${grid(ayes)} votes against ${grid(nays)}, support ${grid(support)} GRID; enacted after its timelock`,
  );
  say(`the policy in force is ${percent(TARGET)}, says the ledger ${anchor.ledgerId}`);
  return {
    referendum,
    callHash,
    before,
    after: TARGET,
    ayes,
    nays,
    support,
    proposedAt: proposed.height,
    enactedAt: view['since'],
    signers: proposed.signers,
    proofVerified: true,
  };
}

async function parameter({ client }: PublicStage): Promise<{ value: unknown; height: unknown }> {
  for await (const row of client.list('/parameters'))
    if (row['id'] === 'policy.renewableShareTarget') return { value: row['value'], height: row['changedHeight'] };
  throw new Error('the ledger does not tell its parameters');
}

/** What became of an operation, proven from the genesis of the public ledger. */
async function prove({ client, anchor }: PublicStage, done: OperationView | undefined): Promise<Proven> {
  if (done?.height === undefined) throw new Error('an executed operation has a block');
  const text = await client.proofText(done.height, done.id);
  const proven = verifyOutcome(anchor, decodeProofJson(text, { crypto: native }), native);
  if (!proven.valid) throw new Error(`the proof was refused: ${proven.code}`);
  if (proven.outcome.status !== 'executed') throw new Error(`it was refused: ${proven.outcome.code}`);
  return { height: proven.height, signers: proven.signers, events: proven.outcome.events };
}

function eventOf<T extends EventType>(events: readonly LedgerEvent[], type: T): EventOf<T> {
  const found = events.find((event): event is EventOf<T> & LedgerEvent => event.type === type);
  if (found === undefined) throw new Error(`the proven outcome holds no ${type}`);
  return found;
}

const percent = (parts: number): string => `${formatDecimal(BigInt(parts), 2)} %`;
const grid = (amount: string): string => formatDecimal(BigInt(amount), 6);
