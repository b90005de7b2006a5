import { formatInterval, millis } from '@gridtokenx/kernel';
import type { ConsortiumFacts, ConsortiumRecords } from '@gridtokenx/projections';
import * as f from '@gridtokenx/protocol';
import { z } from 'zod';
import { factOf, fieldsOf, recordOf } from './list-schemas.js';
import { intervalStart } from './schemas.js';

/** What goes out of the consortium's lists of facts and records; made of the schemas of its facts. */

const { eventSchemas: e } = f;
const parent = z.string().describe('The zone.');

/** A delivery interval as the ledger writes it, however it was asked for. */
export const intervalText = intervalStart.transform((start) => formatInterval(millis(start)));
export const version = z.string().regex(/^[1-9]\d{0,9}$/, 'a number from 1');
export const alertStatus = z.enum(['raised', 'cleared']);
export const restrictionStatus = z.enum(['ordered', 'lifted', 'ended']);
export const restrictionKind = z.enum(['curtailment', 'maintenance']);

/** By topic: see `ConsortiumFacts` of the projections. */
export const factSchemas: Readonly<Record<keyof ConsortiumFacts, z.ZodObject>> = {
  tariffs: factOf(e['tariffs.published'], e['tariffs.calendarDecided']),
  supervision: factOf(
    e['market.rulesSet'],
    e['market.limitsSet'],
    e['market.halted'],
    e['market.resumed'],
    e['market.breakerTripped'],
    e['market.bookReopened'],
    e['market.participantBarred'],
    e['market.participantReadmitted'],
  ),
  clearings: factOf(e['market.cleared']),
  network: factOf(
    e['network.linkSet'],
    e['network.pairSet'],
    e['network.feederSet'],
    e['network.alertRaised'],
    e['network.alertCleared'],
    e['network.curtailed'],
    e['network.maintenanceScheduled'],
    e['network.enforced'],
    e['network.lifted'],
    e['network.restrictionEnded'],
  ),
  status: factOf(e['network.statusReported']),
  missing: factOf(e['metering.readingsMissing']),
  refused: factOf(e['metering.readingRefused']),
  meter: factOf(e['registry.meterRegistered'], e['registry.meterSwapped'], e['network.meterAssigned']),
  netting: factOf(e['settlement.netted']),
  corrections: factOf(e['settlement.corrected']),
  tradeCorrections: factOf(e['settlement.tradeCorrected']),
  dues: factOf(e['settlement.duePaid']),
};

const link = e['network.linkSet'].shape;
const pair = e['network.pairSet'].shape;

/** By kind: see `ConsortiumRecords` of the projections. */
export const recordSchemas: Readonly<Record<keyof ConsortiumRecords, z.ZodObject>> = {
  rules: recordOf(fieldsOf(e['market.rulesSet'], 'version')),
  limits: recordOf({ limits: f.marketLimits }),
  halt: recordOf(fieldsOf(e['market.halted'])),
  pause: recordOf(fieldsOf(e['market.breakerTripped'])),
  bar: recordOf({ reference: f.reference }),
  link: recordOf({
    fromZone: f.zoneId,
    toZone: f.zoneId,
    forwardWh: link.forwardWh.describe('What it carries in an interval: the lesser of what the two operators declare.'),
    backwardWh: link.backwardWh,
    operator: f.organisationId.optional().describe('Who declared last; absent while it is as in the genesis.'),
    declaredForwardWh: link.declaredForwardWh.optional(),
    declaredBackwardWh: link.declaredBackwardWh.optional(),
  }),
  pair: recordOf({
    fromZone: f.zoneId,
    toZone: f.zoneId,
    route: pair.route.describe('The links over which energy goes.'),
    isOpen: pair.isOpen.describe('Whether energy may be sold from the one into the other.'),
    operator: f.organisationId.optional().describe('Who declared last; absent while it is as in the genesis.'),
    allowed: pair.allowed.optional().describe('What it declared.'),
  }),
  feeder: recordOf(fieldsOf(e['network.feederSet'], 'feeder')),
  place: recordOf({ parent, feeder: f.feederId }),
  status: recordOf({ parent, ...fieldsOf(e['network.statusReported'], 'zone', 'source') }),
  alert: recordOf({ ...fieldsOf(e['network.alertRaised'], 'alert'), status: alertStatus }),
  restriction: recordOf({
    ...fieldsOf(e['network.curtailed'], 'restriction'),
    kind: restrictionKind,
    status: restrictionStatus,
    enforced: z.strictObject(fieldsOf(e['network.enforced'], 'cause')).optional().describe('What it meant for trade.'),
  }),
  settledZone: recordOf({ parent, ...fieldsOf(e['settlement.zoneSettled'], 'zone', 'interval') }),
};

export const zone = z.strictObject({
  zone: f.zoneId,
  operator: f.organisationId,
  account: f.accountId.describe('Of the operator, to which wires are paid.'),
  territory: f.territory,
  voltage: f.voltage,
});

export const flow = z.strictObject({
  interval: f.interval,
  kind: z.enum(['link', 'feeder', 'unassigned']),
  name: z.string().describe('Of the link or feeder, or of the zone.'),
  direction: z.enum(['out', 'in']),
  contractedWh: f.energyWh.describe('Sold forward.'),
  askedWh: f.energyWh.describe('Offered beside that.'),
  bidWh: f.energyWh.describe('Wanted beside that.'),
});

export const tariffVersion = z.strictObject({
  version: z.int().min(1),
  hash: f.hashHex,
  entries: z.int().min(0).describe('How many.'),
  decisions: z.int().min(0).describe('About days of the calendar.'),
  height: z.int().min(0).describe('Of the block that brought it; 0 for the genesis.'),
  late: z.boolean().optional().describe('A decision about days that had begun: what was settled needs corrections.'),
});
export const tariffBookAnswer = z.strictObject({
  version: z.int().min(1),
  hash: f.hashHex.describe('SHA-256 of the canonical text of the book.'),
  book: f.tariffBook,
});
export const tariffTerms = z.strictObject({
  version: z.int().min(1),
  hash: f.hashHex,
  interval: f.interval,
  fromZone: f.zoneId,
  toZone: f.zoneId,
  band: z.string().optional().describe('Of the entry; absent where its calendar does not know the year.'),
  entry: z.int().min(0).describe('Place in the book.'),
  terms: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What trading costs (docs/spec/tariffs.md 3, 4); absent where the book has none for these zones.'),
});

export const reading = z.strictObject({
  meter: f.meterId,
  interval: f.interval,
  version: f.readingVersion,
  quality: f.readingQuality,
  account: f.accountId,
  zone: f.zoneId,
  consumedWh: f.energyWh,
  producedWh: f.energyWh,
  mintedWh: f.energyWh,
  importWh: f.energyWh,
  height: z.int().min(0),
  index: z.int().min(0),
  event: z.int().min(0),
});
