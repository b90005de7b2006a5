import type { Prng } from '@gridtokenx/kernel';
import type { Party } from './bus.js';
import { altered, type TornWrite } from './disk.js';
import type { Network } from './network.js';
import type { ProjectorNode, ValidatorNode } from './nodes.js';
import type { Timeline } from './timeline.js';

export const FAULTS = [
  'loss',
  'delay',
  'duplication',
  'reordering',
  'partition',
  'oneWayPartition',
  'withheld',
  'repeated',
  'directedVotes',
  'crash',
  'crashAfterRecord',
  'tornRecord',
  'powerCut',
  'lostRecord',
  'restoredRecord',
  'clockSkew',
  'slowMachine',
  'appendFailure',
  'lostBlocks',
  'topicsAnew',
  'projectorCrash',
  'storeAway',
  'storeSetBack',
] as const;

/** Of worlds whose machines keep snapshots. */
export const SNAPSHOT_FAULTS = ['lostSnapshots', 'damagedSnapshot', 'wipedMachine', 'forgedSnapshots'] as const;
export type Fault = (typeof FAULTS)[number] | (typeof SNAPSHOT_FAULTS)[number];

export interface FaultWorld {
  readonly timeline: Timeline;
  readonly prng: Prng;
  readonly network: Network;
  readonly nodes: readonly ValidatorNode[];
  readonly projectors: readonly ProjectorNode[];
  /** Liars, lost records and bad clocks together: never more than this many. */
  readonly budget: number;
  readonly hasSnapshots: boolean;
  readonly repeat: (reader: Party) => void;
  /** Puts more on the snapshots topic, made of what is there; false when nothing is. */
  readonly forgeSnapshots: (change: (bytes: Uint8Array) => Uint8Array) => boolean;
  /** Puts a snapshot there that holds together and that no quorum vouches for; false when there is none to make it of. */
  readonly inventSnapshot: () => boolean;
  /** Deletes some topics and makes them anew from what is known; says which, `undefined` when it cannot be now. */
  readonly makeTopicsAnew: (mayForgetVotes: boolean) => string | undefined;
  readonly onFault: (fault: Fault, text: string) => void;
  /** Whether the ledger knows its validator, so that it can vote again. */
  readonly canRejoin: (node: ValidatorNode) => boolean;
  readonly onRecordDamaged: (node: ValidatorNode) => void;
}

/** Power goes as often among so many machines as it is drawn, and seldom among more. */
const POWER_CUT_MACHINES = 7;

/** A clock that is further off counts among the faulty. */
export const BAD_CLOCK_MS = 5_000;

/** Kinds that together break what each alone does not. */
const THEMES: readonly (readonly Fault[])[] = [
  // Certificates that hardly anyone has, and who has one dies.
  ['directedVotes', 'directedVotes', 'crash', 'crashAfterRecord', 'powerCut', 'partition'],
  ['directedVotes', 'partition', 'oneWayPartition', 'loss', 'clockSkew'],
  // What a validator has signed, and what is left of its record.
  ['directedVotes', 'crash', 'crashAfterRecord', 'tornRecord', 'powerCut', 'lostRecord', 'restoredRecord'],
  // A bad bus.
  ['loss', 'delay', 'duplication', 'reordering', 'withheld', 'repeated', 'appendFailure', 'slowMachine'],
  // A bus that forgets.
  ['lostBlocks', 'lostBlocks', 'topicsAnew', 'appendFailure', 'crash', 'powerCut', 'partition', 'delay'],
  // Readers of blocks.
  ['projectorCrash', 'storeAway', 'storeSetBack', 'withheld', 'crash', 'delay', 'lostBlocks', 'topicsAnew'],
];

/**
 * Breaks things from the seed: each simulation draws which kinds of fault it knows and how often they come, so that some are
 * gentle and some are one kind of trouble all the time.
 */
export class Faults {
  private readonly kinds: readonly Fault[];
  private readonly gapMs: number;
  private isOn = true;
  /** Parties whose appends fail, and how often. */
  readonly failing = new Map<Party, number>();
  readonly storesAway = new Set<ProjectorNode>();
  /** Of how many records of blocks the bus says that it has stored them, and has not. */
  blocksLost = 0;

  constructor(private readonly world: FaultWorld) {
    const { prng } = world;
    const likely = 0.15 + prng.below(60) / 100;
    const drawn = FAULTS.filter(() => prng.chance(likely));
    const mixed = drawn.length >= 3 ? drawn : prng.shuffle([...FAULTS]).slice(0, 5);
    const chosen = prng.chance(0.6) ? prng.pick(THEMES) : mixed;
    this.kinds = world.hasSnapshots ? [...chosen, 'crash', 'powerCut', ...SNAPSHOT_FAULTS] : chosen;
    this.gapMs = prng.between(600, 3_000);
  }

  start(): void {
    this.next();
  }

  /** Everything that can be mended is, and nothing breaks any more; liars and bad clocks stay as they are. */
  stop(): void {
    const { network, nodes, projectors } = this.world;
    this.isOn = false;
    network.heal();
    this.failing.clear();
    this.storesAway.clear();
    this.blocksLost = 0;
    for (const node of nodes) {
      node.clock.slowMs = 0;
      node.disk.latencyMs = 2;
      node.disk.onDurable = () => {};
      node.deliveryMs = 0;
      if (!node.isRunning) node.start();
    }
    for (const projector of projectors) if (!projector.isRunning) projector.start();
  }

  /** How many validators count against what may be faulty for liveness. */
  static counted(nodes: readonly ValidatorNode[]): number {
    return nodes.filter(Faults.isCounted).reduce((sum, { members }) => sum + members.length, 0);
  }

  /** Whether all on this machine may be faulty, beside those who are. */
  private mayBeCounted(node: ValidatorNode): boolean {
    const { nodes, budget } = this.world;
    return Faults.isCounted(node) || Faults.counted(nodes) + node.members.length <= budget;
  }

  static isCounted({ isLiar, isLost, isBarred, clock }: ValidatorNode): boolean {
    return isLiar || isLost || isBarred || Math.abs(clock.skew) > BAD_CLOCK_MS;
  }

  private next(): void {
    const { timeline, prng, nodes } = this.world;
    timeline.after(prng.between(50, 2 * this.gapMs), () => {
      if (!this.isOn) return;
      const kind = prng.pick(this.kinds);
      // Of many machines each reads itself in again: that is most of what a large world costs.
      const isRare = kind === 'powerCut' && prng.below(nodes.length) >= POWER_CUT_MACHINES;
      this.inject(isRare ? 'crash' : kind);
      this.next();
    });
  }

  private during(ms: number, end: () => void): void {
    this.world.timeline.after(ms, () => {
      if (this.isOn) end();
    });
  }

  private inject(fault: Fault): void {
    const text = this.apply(fault);
    if (text !== undefined) this.world.onFault(fault, text);
  }

  /** What was done; `undefined` when it could not be. */
  private apply(fault: Fault): string | undefined {
    const { prng, network, nodes, projectors } = this.world;
    const ms = prng.between(500, 9_000);
    const everyone: Party[] = [...nodes.map(({ index }) => index), ...projectors.map(({ party }) => party)];
    switch (fault) {
      case 'loss': {
        network.loss = prng.between(5, 30) / 100;
        this.during(ms, () => (network.loss = 0));
        return `${network.loss} for ${ms} ms`;
      }
      case 'delay': {
        network.extraDelayMs = prng.between(50, 2_000);
        this.during(ms, () => (network.extraDelayMs = 0));
        return `up to ${network.extraDelayMs} ms for ${ms} ms`;
      }
      case 'duplication': {
        network.duplication = prng.between(5, 50) / 100;
        this.during(ms, () => (network.duplication = 0));
        return `${network.duplication} for ${ms} ms`;
      }
      case 'reordering': {
        network.reordering = prng.between(5, 50) / 100;
        this.during(ms, () => (network.reordering = 0));
        return `${network.reordering} for ${ms} ms`;
      }
      case 'partition': {
        const side = prng.shuffle([...everyone]).slice(0, prng.between(1, Math.ceil(everyone.length / 2)));
        const rest = everyone.filter((party) => !side.includes(party));
        const mend = [network.cutBetween(side, rest), network.cutBetween(rest, side)];
        this.during(ms, () => mend.forEach((one) => one()));
        return `${side.join(',')} | ${rest.join(',')} for ${ms} ms`;
      }
      case 'oneWayPartition': {
        const from = prng.shuffle([...everyone]).slice(0, prng.between(1, Math.ceil(everyone.length / 2)));
        const to = prng.shuffle([...everyone]).slice(0, prng.between(1, everyone.length));
        this.during(ms, network.cutBetween(from, to));
        return `${from.join(',')} > ${to.join(',')} for ${ms} ms`;
      }
      case 'withheld': {
        const reader = prng.pick(everyone);
        this.during(ms, network.withholdFrom(reader));
        return `from ${reader} for ${ms} ms`;
      }
      case 'repeated': {
        const times = prng.between(5, 40);
        for (let i = 0; i < times; i++) this.world.repeat(prng.pick(everyone));
        return `${times} old records`;
      }
      case 'directedVotes': {
        const long = ms + prng.between(0, 10_000);
        this.during(long, network.direct());
        return `for ${long} ms`;
      }
      case 'clockSkew':
        return this.skew(ms);
      case 'slowMachine': {
        const node = prng.pick(nodes);
        node.clock.slowMs = prng.between(20, 1_500);
        node.disk.latencyMs = prng.between(10, 800);
        node.deliveryMs = prng.between(0, 800);
        this.during(ms, () => {
          node.clock.slowMs = node.deliveryMs = 0;
          node.disk.latencyMs = 2;
        });
        return `${node.index} for ${ms} ms`;
      }
      case 'appendFailure': {
        const party = prng.pick(nodes).index;
        this.failing.set(party, prng.between(10, 90) / 100);
        this.during(ms, () => this.failing.delete(party));
        return `of ${party} for ${ms} ms`;
      }
      case 'lostBlocks': {
        this.blocksLost = prng.between(20, 100) / 100;
        this.during(ms, () => (this.blocksLost = 0));
        return `${this.blocksLost} for ${ms} ms`;
      }
      case 'topicsAnew':
        // A record that was set back is found out by what its validator said since: that must still be there.
        return this.world.makeTopicsAnew(!this.kinds.includes('restoredRecord'));
      case 'projectorCrash': {
        const projector = prng.pick(projectors);
        projector.crash();
        this.during(ms, () => projector.start());
        return `${projector.party} for ${ms} ms`;
      }
      case 'storeAway': {
        const projector = prng.pick(projectors);
        this.storesAway.add(projector);
        this.during(ms, () => this.storesAway.delete(projector));
        return `${projector.party} for ${ms} ms`;
      }
      case 'storeSetBack': {
        const projector = prng.pick(projectors);
        const commits = prng.between(1, 3);
        projector.rows.setBack(commits);
        return `${projector.party} by ${commits} commits`;
      }
      case 'forgedSnapshots':
        if (prng.chance(0.5)) return this.world.inventSnapshot() ? 'one of a state that never was' : undefined;
        return this.world.forgeSnapshots((bytes) => altered(prng, bytes)) ? 'more of them on the topic' : undefined;
      default:
        return this.crash(fault);
    }
  }

  private skew(ms: number): string | undefined {
    const { prng, nodes } = this.world;
    const node = prng.pick(nodes);
    const most = this.mayBeCounted(node) && prng.chance(0.7) ? 30_000 : BAD_CLOCK_MS / 2;
    const skew = prng.between(-most, most);
    node.clock.set(skew);
    if (prng.chance(0.5)) this.during(3 * ms, () => node.clock.set(0));
    return `${node.index} by ${skew} ms`;
  }

  private crash(fault: Fault): string | undefined {
    const { prng, nodes } = this.world;
    // Who has not even noted that it signed nothing, and finds a chain, cannot tell itself from one whose record is lost.
    const running = nodes.filter(({ isRunning, isLost, disk }) => isRunning && (isLost || disk.hasRecord));
    if (running.length === 0) return undefined;
    const node = prng.pick(running);
    const downMs = prng.chance(0.5) ? prng.between(10, 800) : prng.between(500, 12_000);
    switch (fault) {
      case 'crash':
        node.crash();
        this.restartAfter(node, downMs);
        return `${node.index} for ${downMs} ms`;
      case 'crashAfterRecord':
        node.disk.onDurable = () => {
          node.disk.onDurable = () => {};
          node.crash();
          this.restartAfter(node, downMs);
        };
        return `${node.index} for ${downMs} ms`;
      case 'tornRecord': {
        const torn = prng.pick<TornWrite>(['torn', 'torn', 'new', 'old']);
        // Most crashes do not hit a write: this one waits for it.
        node.disk.onWriting = () => {
          node.disk.onWriting = () => {};
          node.crash(torn);
          this.restartAfter(node, downMs);
        };
        return `${node.index} ${torn} for ${downMs} ms`;
      }
      case 'powerCut': {
        const down = running.filter(() => prng.chance(0.8));
        for (const one of down) {
          one.crash(prng.pick<TornWrite>(['torn', 'new', 'old']));
          this.restartAfter(one, prng.between(10, 3_000));
        }
        return `${down.map(({ index }) => index).join(',')}`;
      }
      case 'lostSnapshots': {
        if (node.snapshots?.hasAny !== true) return undefined;
        node.crash();
        this.restartAfter(node, downMs);
        if (prng.chance(0.5)) node.snapshots.loseNewest();
        else node.snapshots.wipe();
        return `${node.index} for ${downMs} ms, left is ${node.snapshots.newest}`;
      }
      case 'damagedSnapshot': {
        if (node.snapshots?.hasAny !== true) return undefined;
        node.crash();
        this.restartAfter(node, downMs);
        return `${node.index} for ${downMs} ms: ${node.snapshots.damage()}`;
      }
      case 'lostRecord':
      case 'wipedMachine':
      case 'restoredRecord': {
        if (node.isLiar || !this.world.canRejoin(node)) return undefined;
        if (!this.mayBeCounted(node)) return undefined;
        node.crash();
        if (fault === 'restoredRecord' && !node.disk.restore()) return this.restartAfter(node, downMs);
        if (fault === 'lostRecord') {
          if (prng.chance(0.5)) node.disk.wipe();
          else node.disk.corrupt();
        }
        if (fault === 'wipedMachine') {
          node.disk.wipe();
          node.snapshots?.wipe();
        }
        node.isLost = node.wasDamaged = true;
        // What was under way to the bus has arrived or never will, before the next process reads it.
        const { timeline, onRecordDamaged } = this.world;
        node.earliestStart = timeline.now + SETTLED_MS + 1;
        timeline.after(SETTLED_MS, () => onRecordDamaged(node));
        this.restartAfter(node, SETTLED_MS + downMs);
        return `${node.index} for ${downMs} ms`;
      }
      default:
        return undefined;
    }
  }

  private restartAfter(node: ValidatorNode, ms: number): undefined {
    this.world.timeline.after(ms, () => node.start());
  }
}

export const SETTLED_MS = 1_000;
