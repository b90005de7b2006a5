export { READINGS_CODES, type ReadingsCode, type ReadingsFault } from './codes.js';
export { FIELDS, keyOf } from './fields.js';
export { QUALITIES, VERSION_MAX, type KnownMeter, type Quality, type ReadingsTerms, type ReadQuality } from './line.js';
export { readMeters, type MetersFault } from './meters.js';
export { isTimeZone, TIME_ZONES, type TimeZone } from './notation.js';
export {
  metersNamedIn,
  readReadings,
  READINGS_FILE_BYTES_MAX,
  type LineStatus,
  type Reading,
  type ReadingsFile,
  type ReadingsGap,
  type ReadingsLine,
} from './read.js';
export { LINES_MAX } from './rows.js';
export {
  outcomesOf,
  parcelsOfReadings,
  readingOperation,
  type ReadingOutcome,
  type ReadingsParcel,
} from './operations.js';
