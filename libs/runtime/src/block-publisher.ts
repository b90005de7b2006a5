import { heightOfPart, type BlockReader } from './block-records.js';
import type { Certificate } from '@gridtokenx/chain';
import type { Clock, LogRecord } from './ports.js';
import type { SizedCertificate } from './signer-records.js';

const STAGGER_MS = 300;

interface Unseen {
  readonly certificate: Certificate;
  /** Of all validators: how many may append before the first has another turn. */
  readonly ranks: number;
  /** Made when it is this host's turn: mostly another one is faster. */
  readonly pack: () => readonly Uint8Array[];
  parts: readonly Uint8Array[] | undefined;
  /** Stands at the parent: says whether another host's record of the height is valid. */
  readonly reader: BlockReader;
  cancel: () => void;
  appending: boolean;
  /** Of the last part, once the log has it. */
  offset: number | undefined;
}

export interface BlockPublisherOptions {
  readonly clock: Clock;
  /** Resolves with the offset of the first part. */
  readonly append: (parts: readonly Uint8Array[]) => Promise<number>;
  readonly onFailed: (error: unknown) => void;
}

/** Brings the records of the blocks that were decided here to the bus, until one is seen on the topic. */
export class BlockPublisher {
  private readonly unseen = new Map<number, Unseen>();
  private readTo = 0;
  private closed = false;

  constructor(private readonly options: BlockPublisherOptions) {}

  /** The first in rank appends at once, each other one only if no valid record stands there when its turn comes. */
  publish(
    certificate: Certificate,
    pack: () => readonly Uint8Array[],
    reader: BlockReader,
    rank: number,
    ranks: number,
  ): void {
    const { height } = certificate;
    const waiting = { parts: undefined, cancel: (): void => {}, appending: false, offset: undefined };
    this.unseen.set(height, { certificate, ranks, pack, reader, ...waiting });
    if (rank === 0) this.append(height);
    else this.appendLater(height, rank * STAGGER_MS);
  }

  /** Of blocks that were decided here, and whose records are not seen yet: in the order of their heights. */
  get awaited(): SizedCertificate[] {
    return [...this.unseen.values()].map(({ certificate, ranks }) => ({ certificate, setSize: ranks }));
  }

  /** Nothing when the block was not decided here, or needs no record any more. */
  append(height: number): void {
    const unseen = this.unseen.get(height);
    // What the log has taken is on its way to every reader, however far behind we are with reading it: sending it once
    // more for everyone who is late would keep all of us late.
    if (unseen === undefined || unseen.appending || unseen.offset !== undefined) return;
    unseen.cancel();
    unseen.appending = true;
    const parts = (unseen.parts ??= unseen.pack());
    this.options.append(parts).then(
      (first) => {
        unseen.appending = false;
        unseen.offset = first + parts.length - 1;
      },
      (error: unknown) => {
        unseen.appending = false;
        if (this.closed) return;
        this.options.onFailed(error);
        this.appendLater(height, unseen.ranks * STAGGER_MS);
      },
    );
  }

  /** A valid record of a height stands on the topic, ours or another host's: nobody needs to append it again. */
  noteSeen(record: LogRecord): void {
    const at = heightOfPart(record.value);
    const unseen = at === undefined ? undefined : this.unseen.get(at);
    if (at !== undefined && unseen !== undefined) {
      const ours = unseen.parts?.at(-1);
      const isOurs = ours !== undefined && Buffer.compare(ours, record.value) === 0;
      if (isOurs || unseen.reader.push(record).length > 0) {
        unseen.cancel();
        this.unseen.delete(at);
      }
    }
    // Read past where the log said that it stands, and it was not there, or offsets begin again: the log has lost it.
    const isAnew = record.offset < this.readTo;
    this.readTo = record.offset;
    for (const [height, lost] of this.unseen) {
      if (lost.offset === undefined || (lost.offset >= record.offset && !isAnew)) continue;
      lost.offset = undefined;
      this.append(height);
    }
  }

  close(): void {
    this.closed = true;
    for (const { cancel } of this.unseen.values()) cancel();
  }

  private appendLater(height: number, afterMs: number): void {
    const unseen = this.unseen.get(height);
    if (unseen === undefined || this.closed) return;
    const { clock } = this.options;
    unseen.cancel = clock.at(clock.now() + afterMs, () => this.append(height));
  }
}
