import { readReadings, type ReadingsTerms } from '@gridtokenx/client';
import { formatInterval, formatTime, millis } from '@gridtokenx/kernel';
import type { LedgerReads } from '@gridtokenx/runtime';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type * as schemas from '../openapi/schemas.js';
import { READ_MODELS } from '../parts.js';
import { problem } from '../problems.js';
import { asOf } from './views.js';

/** Reading it takes a fraction of a second of the one thread that answers everybody. */
export const READINGS_CHECK_BYTES_MAX = 1024 * 1024;

/** SPEC metering 4.1: what a file of readings comes to, at the market time of the newest block. */
@Injectable()
export class ReadingsCheck {
  constructor(@Inject(READ_MODELS) private readonly readModels: LedgerReads) {}

  async check(
    file: Uint8Array,
    format: 'csv' | 'ndjson',
    terms: ReadingsTerms,
  ): Promise<z.input<typeof schemas.readingsAnswer>> {
    const { value, ...at } = await this.readModels.blocks({ limit: 1 });
    const [newest] = value;
    if (newest === undefined) throw problem('read.notReady');
    const standing = { ...asOf(at), marketTime: formatTime(millis(newest.marketTimeMs)) };
    const read = readReadings(file, format, { ...terms, now: newest.marketTimeMs });
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
}
