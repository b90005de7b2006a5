import type { RowWriter } from '../ledger/scratch.js';
import { compareText, type ByteReader } from '@gridtokenx/kernel';
import { KYC_STATUSES, ROLES, SECTORS, type KycStatus, type Role, type Sector } from '@gridtokenx/protocol';
import { readFlag, readOneOf, Shared } from '../ledger/rows.js';
import { pairTable, plainTable, type PairTable, type Store, type Table } from '../ledger/store.js';

export interface OrganisationRow {
  readonly sector: Sector;
  readonly roles: readonly Role[];
}

export interface AccountRow {
  readonly organisation: string;
  readonly kyc: KycStatus;
  /** Block time at which a verification expires; 0 for never. */
  readonly kycUntil: number;
}

/** The replay window of a key: see SPEC ledger 2. */
export interface ReplayWindow {
  readonly highest: number;
  /** Bit i stands for `highest - i`. */
  readonly used: bigint;
}

export interface KeyRow {
  readonly organisation: string;
  /** Of the account that owns the key; empty when the organisation itself does. */
  readonly account: string;
  readonly removed: boolean;
  readonly window: ReplayWindow;
}

export interface DelegationRow {
  readonly operations: readonly string[];
  readonly until: number;
}

export interface MeterRow {
  readonly account: string;
  readonly zone: string;
  readonly limitWh: number;
}

export interface ZoneRow {
  readonly operator: string;
  /** The operator's account that fees are paid to and feed-in is paid from. */
  readonly account: string;
}

const WINDOW_BYTES = 128;

/** One for all: the writer copies it at once. */
const window = new Uint8Array(WINDOW_BYTES);

/** Of a lower-case digit; nothing before the first one. */
const hexDigit = (digits: string, at: number): number => {
  const code = at < 0 ? 48 : digits.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
};

function writeWindow(writer: RowWriter, { highest, used }: ReplayWindow): void {
  writer.u64(highest);
  // By its hex digits: shifting a thousand bits sixteen times would make sixteen thousands of bits anew.
  const digits = used.toString(16);
  const bytes = window.fill(0);
  let at = WINDOW_BYTES - 1;
  for (let end = digits.length - 1; end >= 0; end -= 2, at--)
    bytes[at] = hexDigit(digits, end) | (hexDigit(digits, end - 1) << 4);
  writer.fixed(bytes);
}

const list = (writer: RowWriter, texts: readonly string[]): void => {
  writer.u32(texts.length);
  for (const text of [...texts].sort(compareText)) writer.text(text);
};

function readWindow(reader: ByteReader): ReplayWindow {
  const highest = reader.u64();
  const bytes = reader.fixed(WINDOW_BYTES);
  const view = new DataView(bytes.buffer);
  let used = 0n;
  for (let i = 0; i < WINDOW_BYTES; i += 8) used = (used << 64n) | view.getBigUint64(i);
  return { highest, used };
}

/** At most so many names stand in a row. */
const LIST_MAX = 1_000;

function readList<T extends string>(reader: ByteReader, one: () => T): T[] {
  const texts: T[] = [];
  for (let left = reader.count(LIST_MAX, 4); left > 0; left--) texts.push(one());
  return texts;
}

const texts = new Shared<string>();
const sharedText = (text: string): string => texts.of(text, text);
const lists = new Shared<readonly string[]>();
const sharedList = (list: readonly string[]): readonly string[] => lists.of(JSON.stringify(list), list);

/** Who is who and who may act for whom. */
export class RegistryState {
  readonly organisations: Table<OrganisationRow>;
  readonly accounts: Table<AccountRow>;
  readonly keys: Table<KeyRow>;
  /** By key and account. */
  readonly delegations: PairTable<DelegationRow>;
  readonly meters: Table<MeterRow>;
  readonly zones: Table<ZoneRow>;

  constructor(readonly store: Store) {
    this.organisations = plainTable<OrganisationRow>(store, 'registry.organisation', {
      encode: (writer, { sector, roles }) => list(writer.text(sector), roles),
      decode: (reader) => ({
        sector: readOneOf(reader, SECTORS),
        roles: readList(reader, () => readOneOf(reader, ROLES)),
      }),
    });
    this.accounts = plainTable<AccountRow>(store, 'registry.account', {
      encode: (writer, { organisation, kyc, kycUntil }) => void writer.text(organisation).text(kyc).u64(kycUntil),
      decode: (reader) => ({
        organisation: sharedText(reader.text()),
        kyc: readOneOf(reader, KYC_STATUSES),
        kycUntil: reader.u64(),
      }),
    });
    this.keys = plainTable<KeyRow>(store, 'registry.key', {
      encode: (writer, { organisation, account, removed, window }) =>
        writeWindow(
          writer
            .text(organisation)
            .text(account)
            .u8(removed ? 1 : 0),
          window,
        ),
      decode: (reader) => ({
        organisation: reader.text(),
        account: reader.text(),
        removed: readFlag(reader),
        window: readWindow(reader),
      }),
    });
    this.delegations = pairTable<DelegationRow>(
      store,
      'registry.delegation',
      {
        encode: (writer, { operations, until }) => list(writer.u64(until), operations),
        decode: (reader) => {
          const until = reader.u64();
          return { operations: sharedList(readList(reader, () => reader.text())), until };
        },
      },
      'first',
    );
    this.meters = plainTable<MeterRow>(store, 'registry.meter', {
      encode: (writer, { account, zone, limitWh }) => void writer.text(account).text(zone).u64(limitWh),
      decode: (reader) => ({ account: reader.text(), zone: reader.text(), limitWh: reader.u64() }),
    });
    this.zones = plainTable<ZoneRow>(store, 'registry.zone', {
      encode: (writer, { operator, account }) => void writer.text(operator).text(account),
      decode: (reader) => ({ operator: reader.text(), account: reader.text() }),
    });
  }
}
