import { describe, expect, it } from '@jest/globals';
import { voteSignBytes, type Vote } from '@gridtokenx/chain';
import { native } from '@gridtokenx/crypto-native';
import { auditState, createPublicLedger, GRID, type PublicLedger } from '@gridtokenx/domain';
import { formatTime, millis, Prng, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { projectionOf, type ProjectedBlock, type Records } from '@gridtokenx/projections';
import {
  decodeEnvelope,
  PARAMETER_NAMES,
  signEnvelope,
  TRACKS,
  TREASURY_ACCOUNT,
  type Operation,
} from '@gridtokenx/protocol';
import { gridAmount, MemoryRows, testPublicLedger } from '@gridtokenx/testkit';

const { genesisRows, blockRows } = projectionOf('public');
const BLOCK_MS = 20_000;
const ACCOUNTS = 6;
const sha256 = (text: string): Uint8Array => native.sha256(utf8(text));

/** A public ledger where everybody does whatever comes to mind, and the rows of its blocks. */
class Crowd {
  readonly test = testPublicLedger(native, {
    timeMs: 1_780_000_200_000,
    validators: 4,
    accounts: ACCOUNTS,
    consensus: { epochBlocks: 12 },
    parameters: {
      'staking.evidenceEras': 1,
      'staking.slashDeferEras': 2,
      'staking.bondingEras': 3,
      'treasury.periodBlocks': 15,
    },
  });
  readonly ledger: PublicLedger = createPublicLedger(native, this.test.identity);
  readonly rows = new MemoryRows();
  readonly seeds = [...this.test.stakerSeeds, ...this.test.accountSeeds];
  readonly accounts = this.seeds.map((seed) => toBase64Url(native.publicKeyOf(seed)));
  readonly executed = new Map<string, number>();
  private readonly sequences = new Map<number, number>();
  private readonly prng: Prng;
  private readonly callText = JSON.stringify({
    type: 'parameters.set',
    name: 'policy.renewableShareTarget',
    value: '4500',
  });

  constructor(seed: number) {
    this.prng = new Prng(seed);
  }

  private one<T>(of: readonly T[]): T {
    return of[this.prng.below(of.length)] as T;
  }

  /** Two PREPAREs for two blocks of this era, signed by one of the validators. */
  private evidence(): Operation {
    const { identity, validatorSeeds } = this.test;
    const height = Math.max(1, this.ledger.height);
    const epoch = Math.floor((height - 1) / identity.genesis.consensus.epochBlocks);
    const seed = this.one(validatorSeeds);
    const [first, second] = [1, 2].map((fill) => {
      const vote = { type: 'prepare', blockHash: new Uint8Array(32).fill(fill) } as Vote;
      const bytes = voteSignBytes({ ledgerId: identity.ledgerId, epoch, height, round: 0 }, vote);
      return { vote: toHex(bytes), signature: toBase64Url(native.sign(bytes, seed)) };
    }) as [{ vote: string; signature: string }, { vote: string; signature: string }];
    return { type: 'validators.reportEquivocation', validator: toBase64Url(native.publicKeyOf(seed)), first, second };
  }

  private operation(): Operation {
    const { prng } = this;
    if (prng.below(60) === 0) return this.evidence();
    const [to, stakers] = [this.one(this.accounts), this.accounts.slice(0, 4)];
    const amount = gridAmount(1 + prng.below(2_000));
    const referendum = 1 + prng.below(3);
    const callHash = toHex(sha256(this.callText));
    switch (prng.below(20)) {
      case 0:
      case 1:
        return { type: 'staking.bond', amount };
      case 2:
        return { type: 'staking.unbond', amount };
      case 3:
        return { type: 'staking.rebond', amount };
      case 4:
        return { type: 'staking.withdraw' };
      case 5:
        return { type: 'staking.nominate', targets: [this.one(stakers)] };
      case 6:
        return prng.below(4) === 0 ? { type: 'staking.chill' } : { type: 'staking.setCommission', commission: 7 };
      case 7:
        return {
          type: 'staking.setPayee',
          payee: prng.below(2) === 0 ? { kind: 'stake' } : { kind: 'account', account: to },
        };
      case 8:
        return { type: 'staking.claim', era: prng.below(8), validator: this.one(stakers) };
      case 9:
        return { type: 'governance.notePreimage', callHash, call: this.callText };
      case 10:
        return { type: 'governance.propose', track: this.one(TRACKS), callHash };
      case 11:
        return { type: 'governance.placeDeposit', referendum };
      case 12:
      case 13: {
        const vote = { kind: 'standard', aye: prng.below(5) > 0, conviction: 1, capital: amount } as const;
        return { type: 'governance.vote', referendum, vote };
      }
      case 14:
        return { type: 'governance.removeVote', referendum };
      case 15:
        return { type: 'governance.delegate', track: this.one(TRACKS), to, conviction: 2, amount };
      case 16:
        return { type: 'governance.undelegate', track: this.one(TRACKS) };
      case 17:
        return {
          type: 'transparency.registerReport',
          kind: 'audit',
          periodFrom: '2026-01-01T00:00:00Z',
          periodTo: '2026-02-01T00:00:00Z',
          hash: toHex(prng.bytes(32)),
          verifier: 'node verify.mjs',
        };
      default:
        return { type: 'grid.transfer', to, amount: String(1 + prng.below(1_000_000_000)) };
    }
  }

  async begin(): Promise<void> {
    await this.rows.apply([genesisRows(this.test.identity)], 0);
  }

  async block(): Promise<void> {
    const { ledger, test, prng } = this;
    const time = millis(ledger.time + BLOCK_MS);
    const admission = ledger.admission(time);
    const envelopes = Array.from({ length: 6 }, () => {
      const who = prng.below(this.seeds.length);
      const sequence = (this.sequences.get(who) ?? 0) + 1;
      this.sequences.set(who, sequence);
      const bytes = signEnvelope(native, this.seeds[who] as Uint8Array, test.identity.ledgerId, {
        sequence,
        validUntil: formatTime(millis(time + 600_000)),
        atomic: false,
        operations: [this.operation()],
      });
      return decodeEnvelope(native, test.identity.ledgerId, bytes, { signatureKnown: true });
    }).filter((envelope) => admission.refusal(envelope) === undefined);
    const members = ledger.state.validators.members();
    const height = ledger.height + 1;
    const execution = ledger.execute({
      height,
      time,
      // In the set that decides this block, which may be another than that of the parent.
      proposer: height % Math.min(members.length, ledger.nextValidators.length),
      parentSigners: height === 1 ? [] : members.map((_, place) => place),
      envelopes,
    });
    ledger.commit();
    if (execution.quarantined[0] !== undefined) throw new Error(execution.quarantined[0].reason);
    for (const { type } of execution.told.flatMap((told) => (told.status === 'executed' ? told.events : [])))
      this.executed.set(type, (this.executed.get(type) ?? 0) + 1);

    const hashAt = (at: number): Uint8Array => (at === 0 ? test.identity.genesisHash : sha256(`block ${at}`));
    const set = { epoch: 0, keys: members.map(() => new Uint8Array(32)), quorum: 3, hash: sha256('set') };
    const rows = blockRows({
      block: {
        header: {
          version: 1,
          ledgerId: test.identity.ledgerId,
          epoch: 0,
          height,
          proposer: 0,
          parentHash: hashAt(height - 1),
          parentCertificateHash: sha256('certificate'),
          time,
          operationsRoot: sha256('operations'),
          validatorsHash: set.hash,
          nextValidatorsHash: set.hash,
          checkpointRoot: new Uint8Array(32),
        },
        certificate: {
          epoch: 0,
          height,
          round: 0,
          blockHash: hashAt(height),
          resultsRoot: execution.resultsRoot,
          stateDigest: execution.stateDigest,
          signatures: [],
        },
        envelopes: [],
        outcomes: execution.outcomes,
      },
      envelopes,
      outcomes: execution.told,
      tip: { certifiedBy: set, validators: set },
      body: new Uint8Array(1),
    } as unknown as ProjectedBlock);
    await this.rows.apply([rows], height);
  }

  /** Where rows and state say different things of what both tell. */
  differences(): string[] {
    const { ledger, rows, accounts } = this;
    const { state } = ledger;
    const { staking, governance, grid, parameters } = state;
    const found: string[] = [];
    const same = (what: string, inRows: unknown, inState: unknown): void => {
      const [told, is] = [textOf(inRows), textOf(inState)];
      if (told !== is) found.push(`${what}: ${told} in rows, ${is} in the state`);
    };
    const record = <K extends keyof Records>(kind: K, parent: string, id: string): Records[K] | undefined =>
      rows.record(kind, parent, id)?.body as Records[K] | undefined;

    const balances = rows.balances();
    for (const account of [...accounts, TREASURY_ACCOUNT]) {
      const { available, held } = balances.get(`${account}/${GRID}`) ?? { available: 0n, held: 0n };
      same(`balance of ${account}`, { available, held }, state.accounts.balance(account, GRID));
    }
    const { issued, destroyed, genesis } = grid.explainSupply();
    same('the genesis', rows.sum('issued', 'genesis'), genesis);
    for (const [reason, amount] of Object.entries(issued)) same(reason, rows.sum('issued', reason), amount);
    for (const [reason, amount] of Object.entries(destroyed)) same(reason, rows.sum('destroyed', reason), amount);
    for (const name of PARAMETER_NAMES) same(name, record('parameter', '', name)?.value, parameters.get(name));

    const proposed = this.executed.get('governance.proposed') ?? 0;
    const numbers = Array.from({ length: proposed }, (_, n) => String(n + 1));
    for (const account of accounts) {
      const { active, unbonding } = staking.bond(account);
      const bonded = unbonding.reduce((sum, { amount }) => sum + amount, active);
      same(`bond of ${account}`, [rows.sum('active', account), rows.sum('bonded', account)], [active, bonded]);
      same(`payee of ${account}`, record('bond', '', account)?.payee ?? '', staking.bonds.get(account)?.payee ?? '');
      const targets = staking.nominations.get(account)?.targets ?? [];
      same(`targets of ${account}`, record('nominator', '', account)?.targets ?? [], targets);
      const candidate = staking.candidates.get(account);
      const told = record('candidate', '', account);
      same(
        `candidate ${account}`,
        [told?.stands, told?.key, told?.commission],
        [candidate?.standing, candidate?.key, candidate?.commission.parts],
      );
      const capital = [
        ...numbers
          .filter((number) => record('referendum', '', number)?.cleared === false)
          .map((number) => record('voteOf', account, number)?.vote)
          .map((vote) => (vote?.kind === 'standard' ? BigInt(vote.capital) : 0n)),
        ...TRACKS.map((track) => BigInt(record('delegation', account, track)?.amount ?? 0)),
      ].reduce((most, each) => (each > most ? each : most), 0n);
      same(`capital of ${account}`, capital, governance.standsWith(account));
      for (const track of TRACKS) {
        const { to } = record('delegation', account, track) ?? {};
        same(`delegation of ${account}`, to, governance.delegation(track, account)?.to);
      }
    }
    for (const number of numbers) {
      const row = governance.referendum(Number(number));
      const { track, account, cleared, placed, status, tally } = record('referendum', '', number) ?? {};
      // The ledger forgets one that is over, and whose votes are cleared; its record stays.
      if (row === undefined) {
        same(`forgotten referendum ${number}`, cleared, true);
        continue;
      }
      const { referendum, cancelled } = row;
      same(
        `referendum ${number}`,
        [track, account, cleared, placed],
        [row.track, row.account, row.cleared, referendum.placedAt !== undefined],
      );
      const phase = status === 'enacted' || status === 'failed' ? 'approved' : status;
      same(`phase of ${number}`, phase, cancelled ? 'cancelled' : referendum.phase.kind);
      const { ayes = '0', nays = '0', support = '0' } = tally ?? {};
      const { tally: counted } = row;
      same(
        `tally of ${number}`,
        [ayes, nays, support],
        [counted.ayes, counted.nays, counted.support].map((amount) => amount.toString()),
      );
    }
    const hash = toHex(sha256(this.callText));
    same('the preimage', record('preimage', '', hash) !== undefined, governance.preimages.has(hash));
    return found;
  }
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part)) ?? 'nothing';

describe('the rows of the public ledger', () => {
  it.each([1, 2])('say what its state says, whatever is asked of it (seed %i)', async (seed) => {
    const crowd = new Crowd(seed);
    await crowd.begin();
    expect(crowd.differences()).toEqual([]);
    for (let n = 0; n < 20; n++) {
      for (let block = 0; block < 8; block++) await crowd.block();
      expect(crowd.differences()).toEqual([]);
    }
    expect(auditState(crowd.ledger)).toEqual([]);
    // The stream has met what there is to meet.
    for (const type of [
      'grid.transferred',
      'staking.bonded',
      'staking.unbonded',
      'staking.rebonded',
      'staking.nominated',
      'staking.payeeSet',
      'staking.setElected',
      'staking.electionWinner',
      'staking.eraEnded',
      'staking.rewarded',
      'staking.offended',
      'staking.slashed',
      'staking.slashSettled',
      'governance.proposed',
      'governance.voted',
      'governance.delegated',
      'governance.tallied',
      'treasury.burned',
      'transparency.reportRegistered',
    ])
      expect([type, (crowd.executed.get(type) ?? 0) > 0]).toEqual([type, true]);
  });
});
