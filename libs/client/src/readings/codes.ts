/**
 * SPEC metering 4: why a file of readings, or a line of it, is refused: stable codes, never re-used. Those that begin with
 * `file.` or `csv.` are about the file as it was written, `json.` are those of strict JSON (wire 2.6), `notation.` about how
 * numbers and times are written, `readings.` about what they say.
 */
export const READINGS_CODES = {
  'file.tooLarge': 'The file is larger than 64 MiB.',
  'file.tooManyLines': 'The file has more than 200,000 lines.',
  'file.notUtf8': 'The file is not UTF-8.',
  'csv.empty': 'The file has no header line.',
  'csv.delimiter': 'The cells are not parted by commas.',
  'csv.quote': 'Quotes do not stand around whole cells.',
  'csv.cells': 'The line has more or fewer cells than the header.',
  'notation.decimalComma': 'A number has a comma.',
  'notation.thousandsSeparator': 'A number has thousands separators.',
  'notation.thaiDigits': 'A cell is written in Thai digits.',
  'notation.number': 'The cell is not a number.',
  'notation.buddhistYear': 'The year is of the Buddhist era.',
  'notation.year': 'The year is not from 2000 to 2399.',
  'notation.dateOrder': 'The date does not begin with its year.',
  'notation.time': 'The cell is not a time.',
  'readings.notAnObject': 'The line is not a JSON object.',
  'readings.unknownField': 'There is no such column or field.',
  'readings.repeatedField': 'A column stands twice.',
  'readings.missingField': 'A column or field is missing.',
  'readings.contradictingFields': 'Two columns or fields say the same thing in two ways.',
  'readings.fieldType': 'A field is neither a text nor a whole number.',
  'readings.missingCell': 'A cell is empty.',
  'readings.cellTooLong': 'A cell is longer than 100 characters.',
  'readings.unusedCell': 'A cell has no meaning on this line.',
  'readings.badMeterId': 'The meter is not an id of the ledger.',
  'readings.unknownMeter': 'The meter is not in the list of meters.',
  'readings.wrongOperator': 'The meter belongs to another operator.',
  'readings.timeZone': 'The time zone is neither UTC nor Asia/Bangkok.',
  'readings.noTimeZone': 'The stamp has no offset, and no time zone is declared.',
  'readings.offset': 'The offset of the stamp is neither Z nor +07:00.',
  'readings.notOnQuarter': 'The stamp is not on a quarter of an hour.',
  'readings.future': 'The interval has not ended yet.',
  'readings.quality': 'The quality is not one of actual, estimated, missing, corrected.',
  'readings.version': 'The version is not a whole number from 1 to 999.',
  'readings.correctsNothing': 'A corrected reading has version 2 or higher.',
  'readings.negative': 'The energy is negative.',
  'readings.notWhole': 'Wh are whole.',
  'readings.beyondLimit': 'The energy is more than the meter can measure in an interval.',
  'readings.conflict': 'Lines say different things about one meter, time and version.',
  'readings.noDigits': 'The number of digits of the registers is not declared.',
  'readings.registerTooLong': 'The register has more digits than declared.',
  'readings.registerFell': 'The register fell, and not by rolling over.',
  'readings.registerEvent': 'The event is neither final nor initial.',
  'readings.swapWithoutFinal': 'A new register begins, and the old one has no final reading.',
  'readings.swapWithoutInitial': 'The register was removed, and no initial reading of a new one follows.',
} as const;

export type ReadingsCode = keyof typeof READINGS_CODES | `json.${string}`;

/** A fault of a file or of a line. */
export interface ReadingsFault {
  readonly code: ReadingsCode;
  /** The column of a CSV file, or the RFC 6901 pointer into a line of NDJSON. */
  readonly column?: string;
  readonly pointer?: string;
  readonly reason: string;
  readonly hint?: string;
}
