import { metersNamedIn, readReadings, type KnownMeter, type ReadingsTerms } from '@gridtokenx/client';
import { formatInterval, formatTime, millis } from '@gridtokenx/kernel';
import type { ConsortiumGenesis, LedgerIdentity } from '@gridtokenx/protocol';
import { LOOKUP_ITEMS_MAX, type ReadModels } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type * as schemas from '../openapi/schemas.js';
import { IDENTITY, READ_MODELS } from '../parts.js';
import { problem } from '../problems.js';
import { asOf } from './views.js';

/** Reading it takes a fraction of a second of the one thread that answers everybody. */
export const READINGS_CHECK_BYTES_MAX = 1024 * 1024;

/** SPEC metering 4.1: what a file of readings comes to, at the market time of the newest block. */
@Injectable()
export class ReadingsCheck {
  constructor(
    @Inject(READ_MODELS) private readonly readModels: ReadModels,
    @Inject(IDENTITY) private readonly identity: LedgerIdentity<ConsortiumGenesis>,
  ) {}

  async check(
    file: Uint8Array,
    format: 'csv' | 'ndjson',
    asked: Pick<ReadingsTerms, 'operator' | 'timeZone' | 'registerDigits'>,
  ): Promise<z.input<typeof schemas.readingsAnswer>> {
    const { value, ...at } = await this.readModels.blocks({ limit: 1 });
    const [newest] = value;
    if (newest === undefined) throw problem('read.notReady');
    const standing = { ...asOf(at), marketTime: formatTime(millis(newest.marketTimeMs)) };
    const meters = await this.meters(metersNamedIn(file, format));
    const read = readReadings(file, format, { ...asked, meters, now: newest.marketTimeMs });
    if ('refused' in read) return { ...standing, file: read.refused, refused: 0, lines: [], readings: [], gaps: [] };
    return {
      ...standing,
      file: [],
      refused: read.lines.filter(({ status }) => status === 'refused').length,
      lines: read.lines,
      readings: read.readings.map(({ start, consumedWh, producedWh, ...reading }) => ({
        ...reading,
        interval: formatInterval(start),
        consumedWh: String(consumedWh),
        producedWh: String(producedWh),
      })),
      gaps: read.gaps.map(({ meter, from, to, sum }) => ({
        meter,
        from: formatTime(from),
        to: formatTime(to),
        ...(sum !== undefined && { sum: { consumedWh: String(sum.consumedWh), producedWh: String(sum.producedWh) } }),
      })),
    };
  }
  /** What the ledger knows of them, as far as it does. */
  private async meters(names: readonly string[]): Promise<ReadonlyMap<string, KnownMeter>> {
    const ids = names.filter((name) => /^[0-9a-f]{32}$/.test(name));
    const operators = new Map(this.identity.genesis.zones.map(({ id, operator }) => [id, operator]));
    const known = new Map<string, KnownMeter>();
    for (let at = 0; at < ids.length; at += LOOKUP_ITEMS_MAX) {
      const { value } = await this.readModels.meters(ids.slice(at, at + LOOKUP_ITEMS_MAX));
      for (const { meter, zone, limitWh, registerDigits } of value)
        known.set(meter, {
          meter,
          operator: operators.get(zone),
          limitWh,
          ...(registerDigits > 0 && { registerDigits }),
        });
    }
    return known;
  }
}
