import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { noble } from '@gridtokenx/crypto';
import { toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope, EnvelopeError, type Operation } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { cancelOf, seedOf } from './fixture.spec.js';
import { KeyFileError, Keypair } from './keypair.js';
import { Signer } from './signing.js';

const LEDGER = 'gridtokenx-consortium-00000000';
const NOW = 1_781_481_600_000;

describe('a keypair', () => {
  it('comes back from its file', () => {
    const made = Keypair.generate();
    const read = Keypair.fromFile(made.toFile());
    expect(read.kid).toBe(made.kid);
    expect(noble.verify(read.sign(utf8('x')), utf8('x'), made.publicKey)).toBe(true);
  });

  it('takes its seed from the random bytes it is given', () => {
    const made = Keypair.generate({ randomBytes: () => seedOf(3) });
    expect(made.publicKey).toEqual(noble.publicKeyOf(seedOf(3)));
  });

  it('does not show its seed when printed', () => {
    const seed = seedOf(4);
    const printed =
      inspect(Keypair.fromSeed(seed), { depth: 9, showHidden: true }) + JSON.stringify(Keypair.fromSeed(seed));
    expect(printed).not.toContain(toBase64Url(seed));
    expect(printed).not.toContain(`${seed[0]}, ${seed[1]}, ${seed[2]}`);
  });

  it.each([
    ['no JSON', 'key.malformed', 'x'],
    ['another version', 'key.version', '{"version":2}'],
    ['a short seed', 'key.seed', `{"version":1,"kid":"","seed":"AAAA"}`],
    ['no base64url', 'key.seed', `{"version":1,"kid":"","seed":"=="}`],
    [
      'the name of another key',
      'key.mismatch',
      Keypair.generate()
        .toFile()
        .replace(/"seed":"[^"]*"/, `"seed":"${toBase64Url(seedOf(1))}"`),
    ],
  ])('is not made from a file with %s', (_, code, text) => {
    expect(() => Keypair.fromFile(text)).toThrow(KeyFileError);
    expect(() => Keypair.fromFile(text)).toThrow(code);
  });
});

describe('a signer', () => {
  const signer = (nextSequence = 1): Signer =>
    new Signer(Keypair.fromSeed(seedOf(1)), LEDGER, { platform: { now: () => NOW }, nextSequence });

  it('makes envelopes that the ledger takes, with ids known before they are sent', () => {
    const signed = signer().sign([cancelOf(1), cancelOf(2)], { atomic: true, validForMs: 90_000 });
    const envelope = decodeEnvelope(noble, LEDGER, utf8(signed.jws));
    expect(signed.operationIds).toEqual(envelope.operationIds.map(toHex));
    expect(envelope).toMatchObject({ sequence: 1, atomic: true, validUntil: NOW + 90_000 });
  });

  it('counts sequences, from where the key stands, and above those that are chosen', () => {
    const counting = signer(5);
    const sequenceOf = (sequence?: number): number =>
      counting.sign([cancelOf(1)], sequence === undefined ? {} : { sequence }).sequence;
    expect([sequenceOf(), sequenceOf(), sequenceOf(20), sequenceOf(), sequenceOf(10), sequenceOf()]).toEqual([
      5, 6, 20, 21, 10, 22,
    ]);
    counting.skipTo(3);
    expect(counting.nextSequence).toBe(23);
    counting.skipTo(30);
    expect(sequenceOf()).toBe(30);
  });

  it('never asks for longer than the ledger allows', () => {
    const { validUntil } = signer().sign([cancelOf(1)], { validForMs: 86_400_000 });
    expect(validUntil).toBe('2026-06-15T00:59:00Z');
  });

  it('finds a mistake before a sequence is used up', () => {
    const counting = signer();
    const wrong = { ...cancelOf(1), order: 'x' } as Operation;
    expect(() => counting.sign([cancelOf(1), wrong])).toThrow(EnvelopeError);
    expect(() => counting.sign([])).toThrow('envelope.tooManyOperations');
    expect(() => counting.sign([cancelOf(1), wrong])).toThrow('/operations/1/order');
    expect(counting.nextSequence).toBe(1);
  });
});

describe('the SDK', () => {
  const sources = import.meta.dirname;
  const files = readdirSync(sources).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));

  it('touches the machine in one place: the network, random bytes, the clock and waiting', () => {
    const touching = files.filter((name) =>
      /\bglobalThis\b|\bprocess\b\.|\bBuffer\b|from 'node:|\bMath\.random\b/.test(
        readFileSync(join(sources, name), 'utf8'),
      ),
    );
    expect(touching).toEqual(['platform.ts']);
    const host = /interface Host \{([^]*?)\n\}/.exec(readFileSync(join(sources, 'platform.ts'), 'utf8'))?.[1] ?? '';
    expect([...host.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name)).toEqual([
      'fetch',
      'crypto',
      'setTimeout',
      'AbortSignal',
    ]);
  });

  it('compiles without the types of Node and of the DOM', () => {
    const base = readFileSync(join(sources, '../../../tsconfig.base.json'), 'utf8');
    expect(JSON.parse(base)).toMatchObject({ compilerOptions: { lib: ['es2024'], types: [] } });
    const { compilerOptions, exclude } = JSON.parse(readFileSync(join(sources, '../tsconfig.sdk.json'), 'utf8')) as {
      compilerOptions: object;
      exclude: string[];
    };
    expect(Object.keys(compilerOptions)).toEqual(['rootDir', 'outDir', 'tsBuildInfoFile']);
    expect(exclude).toEqual(['src/cli', 'src/**/*.spec.ts']);
  });
});
