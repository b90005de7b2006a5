import { type ByteReader, compareText, type RowWriter } from '@gridtokenx/kernel';
import {
  KYC_STATUSES,
  ROLES,
  SECTORS,
  VOLTAGES,
  type KycStatus,
  type Role,
  type Sector,
  type Voltage,
} from '@gridtokenx/protocol';
import { SortedSet } from '../ledger/sorted.js';
import { keyTable, type KeyRow } from '../ledger/keys.js';
import { readOneOf, Shared } from '../ledger/rows.js';
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

export interface DelegationRow {
  readonly operations: readonly string[];
  readonly until: number;
}

export interface MeterRow {
  readonly account: string;
  readonly zone: string;
  readonly limitWh: number;
  /** Digits of Wh of its registers; 0 where the operator has not said. */
  readonly registerDigits: number;
  /** Market time of the last swap, and the limit of the device before it; 0 without one. */
  readonly swappedAt: number;
  readonly formerLimitWh: number;
}

export interface ZoneRow {
  readonly operator: string;
  /** The operator's account that fees are paid to and feed-in is paid from. */
  readonly account: string;
  /** Whose network it is, and on what voltage: what wheeling and losses depend on. */
  readonly territory: string;
  readonly voltage: Voltage;
}

const list = (writer: RowWriter, texts: readonly string[]): void => {
  writer.u32(texts.length);
  for (const text of [...texts].sort(compareText)) writer.text(text);
};

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

  private readonly metersByZone = new Map<string, SortedSet<string>>();
  /** Told of an account whose row has changed. */
  onAccountChanged: ((account: string) => void) | undefined;

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
      changed: (cell) => this.onAccountChanged?.(cell.key),
    });
    this.keys = keyTable(store, 'registry.key');
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
      changed: (cell, old, now) => {
        if (old === undefined && now !== undefined) this.metersOf(now.zone).add(cell.key);
        if (old !== undefined && now === undefined) this.metersOf(old.zone).remove(cell.key);
      },
      encode: (writer, { account, zone, limitWh, registerDigits, swappedAt, formerLimitWh }) =>
        void writer.text(account).text(zone).u64(limitWh).u8(registerDigits).u64(swappedAt).u64(formerLimitWh),
      decode: (reader) => ({
        account: reader.text(),
        zone: reader.text(),
        limitWh: reader.u64(),
        registerDigits: reader.u8(),
        swappedAt: reader.u64(),
        formerLimitWh: reader.u64(),
      }),
    });
    this.zones = plainTable<ZoneRow>(store, 'registry.zone', {
      encode: (writer, { operator, account, territory, voltage }) =>
        void writer.text(operator).text(account).text(territory).text(voltage),
      decode: (reader) => ({
        operator: reader.text(),
        account: reader.text(),
        territory: reader.text(),
        voltage: readOneOf(reader, VOLTAGES),
      }),
    });
  }
  /** Of a zone, in the order of their ids. */
  metersOf(zone: string): SortedSet<string> {
    let meters = this.metersByZone.get(zone);
    if (meters === undefined) this.metersByZone.set(zone, (meters = new SortedSet(compareText)));
    return meters;
  }
}
