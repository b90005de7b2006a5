import { assert, BugError, ByteReader, ByteWriter, DecodeError, toHex, unreachable } from '@gridtokenx/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

const seeded = { seed: 20_261_122, numRuns: 1_000 };
const code = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof DecodeError) return error.code;
    throw error;
  }
  return 'read';
};

describe('the byte codec', () => {
  it('gives back what was written, whatever the first capacity', () => {
    fc.assert(
      fc.property(
        fc.record({
          capacity: fc.nat(40),
          a: fc.nat(0xff),
          b: fc.nat(0xffff),
          c: fc.nat(0xffff_ffff),
          d: fc.maxSafeNat(),
          e: fc.bigInt({ min: -(1n << 127n), max: (1n << 127n) - 1n }),
          f: fc.uint8Array({ maxLength: 300 }),
          g: fc.string({ unit: 'grapheme' }),
        }),
        ({ capacity, a, b, c, d, e, f, g }) => {
          const bytes = new ByteWriter(capacity).u8(a).u16(b).u32(c).u64(d).i128(e).bytes(f).text(g).done();
          const reader = new ByteReader(bytes);
          expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.i128()]).toEqual([a, b, c, d, e]);
          expect(reader.bytes()).toEqual(f);
          expect(reader.text()).toBe(g);
          reader.end();
        },
      ),
      seeded,
    );
  });

  it('is big-endian', () => {
    const bytes = new ByteWriter().u16(0x0102).u32(0x0304_0506).u64(Number.MAX_SAFE_INTEGER).i128(-2n).text('é').done();
    expect(toHex(bytes)).toBe('010203040506001fffffffffffff' + `${'f'.repeat(31)}e` + '00000002c3a9');
  });

  it('never wraps a number that does not fit its field', () => {
    const writer = (): ByteWriter => new ByteWriter();
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => writer().u8(bad)).toThrow(BugError);
      expect(() => writer().u16(bad)).toThrow(BugError);
      expect(() => writer().u32(bad)).toThrow(BugError);
      expect(() => writer().u64(bad)).toThrow(BugError);
    }
    expect(() => writer().u8(0x100)).toThrow(BugError);
    expect(() => writer().u16(0x1_0000)).toThrow(BugError);
    expect(() => writer().u32(0x1_0000_0000)).toThrow(BugError);
    expect(() => writer().i128(1n << 127n)).toThrow(BugError);
    expect(() => writer().i128(-(1n << 127n) - 1n)).toThrow(BugError);
  });

  it('refuses to read past the end, in every kind of field', () => {
    const short = new Uint8Array(0);
    const reads = [
      (r: ByteReader) => r.u8(),
      (r: ByteReader) => r.u16(),
      (r: ByteReader) => r.u32(),
      (r: ByteReader) => r.u64(),
      (r: ByteReader) => r.i128(),
      (r: ByteReader) => r.fixed(1),
      (r: ByteReader) => r.bytes(),
      (r: ByteReader) => r.text(),
      (r: ByteReader) => r.count(1),
    ];
    for (const read of reads) expect(code(() => read(new ByteReader(short, 'thing')))).toBe('thing.truncated');
  });

  it('refuses what is too long, too many, too large, not text, or left over', () => {
    expect(code(() => new ByteReader(new ByteWriter().u32(5).done()).bytes(4))).toBe('bytes.tooLong');
    expect(code(() => new ByteReader(new ByteWriter().u32(0xffff_ffff).done()).bytes())).toBe('bytes.truncated');
    expect(code(() => new ByteReader(new ByteWriter().u32(3).u16(0).done()).count(10))).toBe('bytes.tooMany');
    expect(code(() => new ByteReader(new ByteWriter().u32(3).u32(0).done()).count(2))).toBe('bytes.tooMany');
    expect(new ByteReader(new ByteWriter().u32(2).u32(0).done()).count(2, 2)).toBe(2);
    expect(code(() => new ByteReader(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0)).u64())).toBe('bytes.tooLarge');
    expect(new ByteReader(Uint8Array.of(0, 0x1f, 255, 255, 255, 255, 255, 255)).u64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(code(() => new ByteReader(Uint8Array.of(0, 0, 0, 1, 0xff)).text())).toBe('bytes.notUtf8');
    expect(code(() => new ByteReader(Uint8Array.of(1)).end())).toBe('bytes.trailingBytes');
  });

  it('reads copies, also out of a Node Buffer, so that nothing pins or changes a record', () => {
    const record = Buffer.from([0, 0, 0, 2, 7, 8]);
    const read = new ByteReader(record).bytes();
    record.fill(0);
    expect(Buffer.isBuffer(read)).toBe(false);
    expect(read).toEqual(Uint8Array.of(7, 8));
    expect(read.buffer.byteLength).toBe(2);
  });
});

describe('broken promises', () => {
  it('are bugs, told apart from bad input', () => {
    expect(() => assert(false, 'money is conserved')).toThrow(new BugError('money is conserved'));
    expect(() => assert(true, 'money is conserved')).not.toThrow();
    expect(() => unreachable({ type: 'new', amount: 1n } as never)).toThrow(
      'bug: unreachable: {"type":"new","amount":"1"}',
    );
  });
});
