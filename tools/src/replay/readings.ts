import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A meter of `data/meters.csv`. Names of the file never go on the ledger. */
export interface Meter {
  readonly name: string;
  /** `mea` or `pea`: who signs its readings. */
  readonly operator: string;
  readonly zone: string;
  readonly kind: string;
  readonly ratedLoadKw: number;
  readonly pvKwp: number;
}

export interface Reading {
  readonly consumedWh: number;
  readonly producedWh: number;
}

/** A reading that came late and stands in the place of another. */
export interface Correction extends Reading {
  readonly meter: string;
  readonly start: number;
}

export interface Readings {
  readonly meters: readonly Meter[];
  /** Starts of the intervals, in order, in milliseconds. */
  readonly intervals: readonly number[];
  readonly corrections: readonly Correction[];
  /** By interval start and meter name. */
  of(start: number, meter: string): Reading;
}

/** Reads a CSV without quotes (these files have none) by its header. */
async function table(file: string): Promise<Record<string, string>[]> {
  const [head = '', ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
  const names = head.split(',');
  return lines.map((line, at) => {
    const cells = line.split(',');
    if (cells.length !== names.length)
      throw new Error(`${file}:${at + 2}: ${cells.length} cells, ${names.length} expected`);
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']));
  });
}

async function readingsIn(folder: string, file: string): Promise<Correction[]> {
  return (await table(join(folder, file))).map((row, at) => {
    const start = Date.parse(row['interval_start'] ?? '');
    const [consumedWh, producedWh] = [Number(row['consumed_wh']), Number(row['produced_wh'])];
    if (![start, consumedWh, producedWh].every((n) => Number.isSafeInteger(n) && n >= 0))
      throw new Error(`${file}:${at + 2}: not a reading`);
    return { meter: row['meter_id'] ?? '', start, consumedWh, producedWh };
  });
}

/** The readings and meters of a folder as `data/`. Throws, with file and line, on what is not a whole number of Wh. */
export async function loadReadings(folder: string): Promise<Readings> {
  const meters = (await table(join(folder, 'meters.csv'))).map((row) => ({
    name: row['meter_id'] ?? '',
    operator: (row['operator'] ?? '').toLowerCase(),
    zone: row['zone'] ?? '',
    kind: row['class'] ?? '',
    ratedLoadKw: Number(row['rated_load_kw']),
    pvKwp: Number(row['pv_kwp']),
  }));
  const byInterval = new Map<number, Map<string, Reading>>();
  for (const { meter, start, consumedWh, producedWh } of await readingsIn(folder, 'readings.csv')) {
    const readings = byInterval.get(start) ?? new Map<string, Reading>();
    byInterval.set(start, readings.set(meter, { consumedWh, producedWh }));
  }
  return {
    meters,
    intervals: [...byInterval.keys()].sort((a, b) => a - b),
    corrections: await readingsIn(folder, 'corrections.csv'),
    of: (start, meter) => {
      const reading = byInterval.get(start)?.get(meter);
      if (reading === undefined) throw new Error(`no reading of ${meter} at ${new Date(start).toISOString()}`);
      return reading;
    },
  };
}
