import { possessionSignBytes } from '@gridtokenx/chain';
import { ConsortiumValidators, type Ledger } from '@gridtokenx/domain';
import { assert, formatTime, millis, toBase64Url, type Prng } from '@gridtokenx/kernel';
import type { Operation, ValidatorChange } from '@gridtokenx/protocol';
import type { TestConsortium } from '../consortium.js';
import type { Electorate, ElectorateOptions } from './electorate.js';
import type { ValidatorNode } from './nodes.js';

/** A change that somebody has proposed, and the organisations that want it. */
interface Motion {
  readonly change: ValidatorChange;
  readonly id: string;
  readonly node: ValidatorNode;
  readonly by: string;
  readonly willing: readonly string[];
  readonly at: number;
  isSeen: boolean;
}

export interface CouncilOptions extends ElectorateOptions {
  readonly consortium: TestConsortium;
  readonly prng: Prng;
  readonly now: () => number;
  readonly nodes: readonly ValidatorNode[];
  /** Signs with the key of an organisation and gives the ids of the operations; appends it. */
  readonly ask: (secret: Uint8Array, operations: readonly Operation[]) => readonly string[];
  /** How many validators of the genesis do not lie. */
  readonly honest: number;
  /** Whether one more may be faulty for a while. */
  readonly mayBeBarred: () => boolean;
  readonly onMotion: (text: string) => void;
}

const MOTIONS_MAX = 3;
const OPEN_MS = 120_000;
/** When a motion that nobody has seen, or that finds no majority, is given up. */
const PATIENCE_MS = 15_000;

/**
 * The consortium: its organisations admit, rotate, suspend, reinstate and remove validators by vote while everything breaks.
 * Those who do not lie never become fewer than at first, so that what is promised of n validators with f faulty ones stays
 * promised; what only one organisation wants must never happen.
 */
export class Council implements Electorate {
  private readonly motions: Motion[] = [];
  /** Keys that two thirds want to come, and to go. */
  private readonly coming = new Set<string>();
  private readonly going = new Set<string>();
  /** Machines that two thirds have ever wanted to be suspended. */
  private readonly votedOut = new Set<number>();
  private readonly organisations: ReadonlyMap<string, Uint8Array>;

  constructor(private readonly options: CouncilOptions) {
    const { identity, seeds } = options.consortium;
    const { crypto } = options;
    this.organisations = new Map(
      Object.values(seeds).map((secret) => {
        const kid = toBase64Url(crypto.publicKeyOf(secret));
        const organisation = identity.genesis.organisations.find(({ keys }) => keys.includes(kid));
        return [organisation?.id ?? '', secret];
      }),
    );
  }

  /** Whether a change of this machine's validator is under way. */
  concerns(node: ValidatorNode): boolean {
    return this.motions.some((motion) => motion.node === node);
  }

  mayCome(kid: string): boolean {
    return this.coming.has(kid);
  }

  mayGo(kid: string): boolean {
    return this.going.has(kid);
  }

  isVotedOut(machine: number): boolean {
    return this.votedOut.has(machine);
  }

  /** The organisations look at what stands on the ledger, and go on from there. */
  meet(): void {
    const { prng } = this.options;
    for (const motion of [...this.motions]) this.pursue(motion);
    if (this.motions.length < MOTIONS_MAX && prng.chance(0.5)) this.propose();
  }

  private pursue(motion: Motion): void {
    const { ask, now, ledger, prng } = this.options;
    const { validators } = ledger().state;
    assert(validators instanceof ConsortiumValidators, 'a council meets about the consortium');
    const row = validators.changes.get(motion.id);
    if (row === undefined) {
      if (motion.isSeen || now() > motion.at + PATIENCE_MS) this.close(motion);
      return;
    }
    motion.isSeen = true;
    if (row.turn > 0) return;
    if (now() > motion.at + PATIENCE_MS)
      return void ask(this.secretOf(motion.by), [{ type: 'validators.withdrawChange', change: motion.id }]);
    for (const organisation of motion.willing)
      if (!row.approvals.includes(organisation) && prng.chance(0.7))
        ask(this.secretOf(organisation), [{ type: 'validators.approveChange', change: motion.id }]);
  }

  private close(motion: Motion): void {
    this.motions.splice(this.motions.indexOf(motion), 1);
    if (motion.change.kind === 'reinstate' && !this.isSuspended(motion.node)) motion.node.isBarred = false;
    if (motion.change.kind === 'suspend' && !this.isSuspended(motion.node)) motion.node.isBarred = false;
  }

  private propose(): void {
    const { crypto, consortium, prng, now, ask, onMotion, nodes } = this.options;
    const motion = this.choose();
    if (motion === undefined) return;
    const { node, kind } = motion;
    const kid = toBase64Url(crypto.publicKeyOf(keysOf(node)[node.isRotated ? 1 : 0]));
    const fresh = kind === 'admit' ? keysOf(node)[0] : kind === 'rotateKey' ? keysOf(node)[1] : undefined;
    const row = this.rowOf(node);
    const by = row?.organisation ?? prng.pick([...this.organisations.keys()]);
    const registration: Operation[] = [];
    let change: ValidatorChange;
    if (fresh === undefined) change = { kind: kind as 'suspend' | 'remove' | 'reinstate', validator: kid };
    else {
      const publicKey = crypto.publicKeyOf(fresh);
      const key = toBase64Url(publicKey);
      const proof = toBase64Url(crypto.sign(possessionSignBytes(consortium.identity.ledgerId, by, publicKey), fresh));
      registration.push({ type: 'registry.registerKey', key, owner: { kind: 'organisation', organisation: by } });
      change = kind === 'admit' ? { kind, validator: key, proof } : { kind: 'rotateKey', validator: kid, key, proof };
    }
    const until = formatTime(millis(Math.floor((now() + OPEN_MS) / 1_000) * 1_000));
    const ids = ask(this.secretOf(by), [...registration, { type: 'validators.proposeChange', change, until }]);
    // One organisation alone has no two thirds, whatever becomes of the others.
    const willing = motion.isWanted ? [...this.organisations.keys()] : [by];
    this.motions.push({ change, id: ids.at(-1) ?? '', node, by, willing, at: now(), isSeen: false });
    onMotion(`${kind} ${nodes.indexOf(node)}${motion.isWanted ? '' : ', which one organisation wants'}`);
    if (!motion.isWanted) return;
    if (change.kind === 'admit' || change.kind === 'reinstate') this.coming.add(change.validator);
    else this.going.add(change.validator);
    if (change.kind === 'rotateKey') this.coming.add(change.key);
    if (change.kind !== 'suspend') return;
    this.votedOut.add(node.index);
    node.isBarred = true;
  }

  /** What is wanted next, if anything: mostly by all, now and then by one organisation alone. */
  private choose(): { node: ValidatorNode; kind: ValidatorChange['kind']; isWanted: boolean } | undefined {
    const { prng, nodes, mayBeBarred } = this.options;
    const idle = nodes.filter((node) => !node.isLiar && !node.isLost && node.isRunning && !this.concerns(node));
    if (idle.length === 0) return undefined;
    const node = prng.pick(idle);
    const row = this.rowOf(node);
    const isWanted = prng.chance(0.8);
    if (row === undefined) return { node, kind: 'admit', isWanted };
    if (row.removed) return undefined;
    if (row.suspended) return { node, kind: 'reinstate', isWanted };
    if (!row.member || !row.next) return undefined;
    const kind = prng.pick(['rotateKey', 'suspend', 'remove'] as const);
    if (kind === 'rotateKey') return node.isRotated || node.wasDamaged ? undefined : { node, kind, isWanted };
    if (!isWanted) return { node, kind, isWanted };
    // Only while there is one more than at first, and nothing else moves.
    if (this.motions.length > 0 || this.honestToCome() <= this.options.honest) return undefined;
    return kind === 'suspend' && !mayBeBarred() ? undefined : { node, kind, isWanted };
  }

  private honestToCome(): number {
    return this.options.nodes.filter((node) => !node.isLiar && this.rowOf(node)?.next === true).length;
  }

  private isSuspended(node: ValidatorNode): boolean {
    return this.rowOf(node)?.suspended === true;
  }

  /** What the ledger knows of the validator of a machine, under its newest key. */
  private rowOf(node: ValidatorNode): ReturnType<Ledger['state']['validators']['validators']['get']> {
    const { validators } = this.options.ledger().state.validators;
    const { crypto } = this.options;
    const [first, second] = keysOf(node);
    const fresh = validators.get(toBase64Url(crypto.publicKeyOf(second)));
    node.isRotated = fresh?.member === true || fresh?.next === true;
    return node.isRotated ? fresh : validators.get(toBase64Url(crypto.publicKeyOf(first)));
  }

  /** Whether a machine could say that its record is lost, and be heard. */
  canRejoin(node: ValidatorNode): boolean {
    const row = this.rowOf(node);
    return row !== undefined && !row.removed && !this.concerns(node);
  }

  private secretOf(organisation: string): Uint8Array {
    const secret = this.organisations.get(organisation);
    if (secret === undefined) throw new RangeError('the keys of all organisations are known');
    return secret;
  }
}

/** On a machine of the consortium one validator is hosted: its key, and the one that it may rotate to. */
function keysOf({ members: [member, ...others] }: ValidatorNode): readonly [Uint8Array, Uint8Array] {
  const [seed, fresh] = member?.seeds ?? [];
  assert(seed !== undefined && fresh !== undefined && others.length === 0, 'a machine has one validator and two keys');
  return [seed, fresh];
}
