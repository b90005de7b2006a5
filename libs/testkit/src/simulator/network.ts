import type { ConsensusMessage } from '@gridtokenx/consensus';
import type { Prng } from '@gridtokenx/kernel';
import type { Passage, Party, SeenFrame, Stored } from './bus.js';

/** Of one moment: what is wrong between whom. Everything is right at first, and after `heal`. */
export class Network {
  loss = 0;
  duplication = 0;
  /** Added to each passage, up to. */
  extraDelayMs = 0;
  /** Of how many records some are held up so long that others overtake them. */
  reordering = 0;
  private readonly cut = new Map<string, number>();
  private readonly withheld = new Map<Party, number>();
  private directed: Directed | undefined;
  /** Of a scenario: which messages may reach whom. */
  filter: ((message: ConsensusMessage, receiver: Party) => boolean) | undefined;

  constructor(
    private readonly prng: Prng,
    private readonly readers: readonly Party[],
  ) {}

  heal(): void {
    this.loss = this.duplication = this.extraDelayMs = this.reordering = 0;
    this.cut.clear();
    this.withheld.clear();
    this.directed = undefined;
    this.filter = undefined;
  }

  /** Cuts the way from these senders to these receivers; the result mends it. */
  cutBetween(senders: readonly Party[], receivers: readonly Party[]): () => void {
    const ways = senders.flatMap((from) => receivers.filter((to) => to !== from).map((to) => `${from}>${to}`));
    for (const way of ways) this.cut.set(way, (this.cut.get(way) ?? 0) + 1);
    return () => {
      for (const way of ways) {
        const left = (this.cut.get(way) ?? 0) - 1;
        if (left > 0) this.cut.set(way, left);
        else this.cut.delete(way);
      }
    };
  }

  /** The bus shows this reader nothing for a while. */
  withholdFrom(reader: Party): () => void {
    this.withheld.set(reader, (this.withheld.get(reader) ?? 0) + 1);
    return () => {
      const left = (this.withheld.get(reader) ?? 0) - 1;
      if (left > 0) this.withheld.set(reader, left);
      else this.withheld.delete(reader);
    };
  }

  /**
   * Lets each vote reach a few chosen readers only, chosen anew for each round: some prepare what others do not, and certificates
   * come to be that hardly anyone has.
   */
  direct(): () => void {
    const directed = new Directed(this.prng, this.readers);
    this.directed = directed;
    return () => {
      if (this.directed === directed) this.directed = undefined;
    };
  }

  passage(record: Stored, receiver: Party): Passage {
    const { prng } = this;
    const { sender } = record;
    if (sender === receiver) return { delays: [1] };
    const isCut = this.withheld.has(receiver) || this.cut.has(`${sender}>${receiver}`);
    const isLost = isCut || (this.loss > 0 && prng.chance(this.loss));
    if (isLost) return { delays: [] };
    const allowed = this.filter ?? this.directed?.filter;
    const frames = allowed && framesFor(record, (message) => allowed(message, receiver));
    const delays = [this.delay()];
    if (this.duplication > 0 && prng.chance(this.duplication)) delays.push(this.delay() + prng.below(3_000));
    return { delays, frames };
  }

  private delay(): number {
    const { prng } = this;
    let ms = prng.between(2, 25);
    if (this.extraDelayMs > 0) ms += prng.below(this.extraDelayMs);
    if (this.reordering > 0 && prng.chance(this.reordering)) ms += prng.below(2_500);
    return ms;
  }
}

/** What is left of a record for which these messages may pass; `undefined` when that is all of it. */
function framesFor(
  { frames }: Stored,
  mayPass: (message: ConsensusMessage) => boolean,
): readonly SeenFrame[] | undefined {
  const kept = frames.filter(({ message }) => message === undefined || mayPass(message));
  return kept.length === frames.length ? undefined : kept;
}

/** Who may hear the votes of a (height, round, type). */
class Directed {
  private readonly audiences = new Map<string, ReadonlySet<Party> | undefined>();

  constructor(
    private readonly prng: Prng,
    private readonly readers: readonly Party[],
  ) {}

  readonly filter = ({ height, round, type }: ConsensusMessage, receiver: Party): boolean => {
    const key = `${height}/${round}/${type}`;
    if (!this.audiences.has(key)) this.audiences.set(key, this.choose(type));
    const audience = this.audiences.get(key);
    return audience === undefined || audience.has(receiver);
  };

  private choose(type: string): ReadonlySet<Party> | undefined {
    const { prng, readers } = this;
    const few = (most: number): ReadonlySet<Party> =>
      new Set(prng.shuffle([...readers]).slice(0, prng.between(0, most)));
    const many = (): ReadonlySet<Party> =>
      new Set(prng.shuffle([...readers]).slice(prng.between(0, Math.ceil(readers.length / 3))));
    switch (type) {
      case 'prepare':
        return prng.chance(0.6) ? few(2) : many();
      case 'commit':
        return prng.chance(0.7) ? few(1) : many();
      case 'roundChange':
        return prng.chance(0.2) ? many() : undefined;
      default:
        return prng.chance(0.3) ? many() : undefined;
    }
  }
}
