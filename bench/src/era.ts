import { native } from '@gridtokenx/crypto-native';
import { createPublicLedger, type PublicLedger } from '@gridtokenx/domain';
import { millis, Prng, toBase64Url, utf8 } from '@gridtokenx/kernel';
import { decodeOutcome, NOMINATIONS_MAX, type LedgerIdentity, type PublicGenesis } from '@gridtokenx/protocol';
import { gridAmount, testPublicGenesis } from '@gridtokenx/testkit';
import { median, rounded } from './statistics.js';

const START = 1_780_000_200_000;
const BLOCK_MS = 6_000;
const BOND_GRID = 10_000;
const SEATS = 100;

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

export interface EraBenchOptions {
  readonly candidates?: number;
  readonly nominators?: number;
  readonly eraBlocks?: number;
  readonly say?: (line: string) => void;
}

export interface EraBenchResult {
  readonly candidates: number;
  readonly nominators: number;
  readonly targets: number;
  readonly eraBlocks: number;
  /** Of empty blocks of the second era, processor time with garbage collection: its first, the longest, the usual one. */
  readonly firstBlockCpuMs: number;
  readonly longestBlockCpuMs: number;
  readonly medianBlockCpuMs: number;
  /** Blocks of the era after which the count was done, and after which all of it had been told. */
  readonly countedAfter: number;
  readonly toldAfter: number;
  /** Whether the election made the set of the third era. */
  readonly isElected: boolean;
  readonly heapMb: number;
}

function genesisOf(candidates: number, nominators: number, eraBlocks: number): LedgerIdentity<PublicGenesis> {
  const prng = new Prng(1);
  const key = (): string => toBase64Url(prng.bytes(32));
  const validators = Array.from({ length: candidates }, () => ({
    key: key(),
    account: key(),
    bond: gridAmount(BOND_GRID),
    commission: 0,
  }));
  const backers = Array.from({ length: nominators }, () => {
    const targets = new Set<string>();
    while (targets.size < Math.min(NOMINATIONS_MAX, candidates))
      targets.add(validators[Math.min(prng.below(candidates), prng.below(candidates))]?.account ?? '');
    return { account: key(), bond: gridAmount(10 + prng.below(100_000)), targets: [...targets] };
  });
  const genesis = testPublicGenesis({
    timeMs: START,
    consensus: { epochBlocks: eraBlocks },
    parameters: { 'staking.validatorCount': SEATS },
    validators,
    nominators: backers,
    accounts: [...validators, ...backers].map(({ account, bond }) => ({
      id: account,
      amount: (BigInt(bond) + 1_000_000n).toString(),
    })),
  });
  return {
    genesis,
    genesisHash: native.sha256(utf8(`${candidates}/${nominators}`)),
    ledgerId: 'gridtokenx-public-00000000',
  };
}

/** An empty block, signed by a quorum of its parent's set; the types of its facts. */
function run(ledger: PublicLedger, parents: number): { readonly cpu: number; readonly facts: ReadonlySet<string> } {
  const size = ledger.state.validators.members().length;
  const parentSigners = ledger.height === 0 ? [] : Array.from({ length: parents }, (_, place) => place);
  const [height, time, from] = [ledger.height + 1, millis(ledger.time + BLOCK_MS), cpuMs()];
  const { outcomes } = ledger.execute({
    height,
    time,
    proposer: height % Math.min(size, SEATS),
    parentSigners,
    envelopes: [],
  });
  ledger.commit();
  const cpu = cpuMs() - from;
  const facts = new Set<string>();
  for (const { bytes } of outcomes) {
    const outcome = decodeOutcome(bytes);
    if (outcome.status === 'executed') for (const { type } of outcome.events) facts.add(type);
  }
  return { cpu, facts };
}

/** What an era costs the public ledger beside its operations: snapshot, count, payouts, and all of it told. */
export function runEraBench({
  candidates = 1_000,
  nominators = 20_000,
  eraBlocks = 100,
  say = () => {},
}: EraBenchOptions = {}): EraBenchResult {
  const ledger = createPublicLedger(native, genesisOf(candidates, nominators, eraBlocks));
  const cpus: number[] = [];
  let [countedAfter, toldAfter, isElected] = [0, 0, false];
  let parents = candidates;
  // The genesis makes all candidates validators; its election leaves the seats that the parameters allow.
  for (let height = 1; height <= 2 * eraBlocks; height++) {
    const { cpu, facts } = run(ledger, parents);
    parents = Math.floor((2 * ledger.state.validators.members().length) / 3) + 1;
    if (height <= eraBlocks) continue;
    const at = height - eraBlocks;
    cpus.push(cpu);
    if (facts.has('staking.electionHeld')) countedAfter = at;
    if (facts.has('staking.electionWinner')) toldAfter = at;
    isElected ||= facts.has('staking.setElected');
    if (at % 20 === 0) say(`block ${at} of the era: ${rounded(median(cpus), 1)} ms usually`);
  }
  return {
    candidates,
    nominators,
    targets: Math.min(NOMINATIONS_MAX, candidates),
    eraBlocks,
    firstBlockCpuMs: rounded(cpus[0] ?? 0, 0),
    longestBlockCpuMs: rounded(Math.max(...cpus), 0),
    medianBlockCpuMs: rounded(median(cpus), 1),
    countedAfter,
    toldAfter,
    isElected,
    heapMb: rounded(process.memoryUsage().heapUsed / 2 ** 20, 0),
  };
}
