import type { ByteReader, RowWriter } from '@gridtokenx/kernel';
import { MULTISIG_SIGNERS_MAX } from '@gridtokenx/protocol';
import { DueQueue } from '../ledger/due.js';
import { plainTable, type Store, type Table } from '../ledger/store.js';

/** An account that several control. */
export interface SharedAccountRow {
  /** Key ids in their order, each once. */
  readonly signers: readonly string[];
  readonly threshold: number;
  /** Counts up when the signers change: approvals are of one version. */
  readonly version: number;
  /** Proposals ever made: the last one's number. */
  readonly proposals: number;
  /** Of which so many are open. */
  readonly open: number;
}

/** An open proposal, named by the operation that made it. */
export interface ProposalRow {
  readonly account: string;
  readonly callHash: string;
  /** Who proposed it, and what of theirs is held, in micro-GRID. */
  readonly depositor: string;
  readonly deposit: number;
  /** Its timepoint: the height at which it was made, and its number among those of the account. */
  readonly height: number;
  readonly index: number;
  /** Block time from which it is no longer open. */
  readonly expiresAt: number;
  /** Of the signers whose approvals these are. */
  readonly version: number;
  /** In the order in which they were given. */
  readonly approvals: readonly string[];
}

function writeTexts(writer: RowWriter, texts: readonly string[]): void {
  writer.u32(texts.length);
  for (const text of texts) writer.text(text);
}

const readTexts = (reader: ByteReader): string[] =>
  Array.from({ length: reader.count(MULTISIG_SIGNERS_MAX, 4) }, () => reader.text());

export class MultisigState {
  readonly accounts: Table<SharedAccountRow>;
  readonly proposals: Table<ProposalRow>;
  readonly expiring = new DueQueue();

  constructor(readonly store: Store) {
    this.accounts = plainTable<SharedAccountRow>(store, 'multisig.account', {
      encode: (writer, { signers, threshold, version, proposals, open }) => {
        writeTexts(writer, signers);
        writer.u32(threshold).u64(version).u64(proposals).u32(open);
      },
      decode: (reader) => ({
        signers: readTexts(reader),
        threshold: reader.u32(),
        version: reader.u64(),
        proposals: reader.u64(),
        open: reader.u32(),
      }),
    });
    this.proposals = plainTable<ProposalRow>(store, 'multisig.proposal', {
      encode: (writer, row) => {
        writer.text(row.account).text(row.callHash).text(row.depositor).u64(row.deposit);
        writer.u64(row.height).u64(row.index).u64(row.expiresAt).u64(row.version);
        writeTexts(writer, row.approvals);
      },
      decode: (reader) => ({
        account: reader.text(),
        callHash: reader.text(),
        depositor: reader.text(),
        deposit: reader.u64(),
        height: reader.u64(),
        index: reader.u64(),
        expiresAt: reader.u64(),
        version: reader.u64(),
        approvals: readTexts(reader),
      }),
      changed: ({ key }, old, now) => this.expiring.follow(key, old?.expiresAt, now?.expiresAt),
      escrow: ({ depositor, deposit }) =>
        deposit === 0 ? undefined : { account: depositor, asset: 'GRID', amount: deposit },
    });
  }

  /** Whether no key owns the account, and no organisation acts for it: only its signers together do. */
  isShared(account: string): boolean {
    return this.accounts.has(account);
  }
}
