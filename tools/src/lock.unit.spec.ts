import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { missingVariants } from '../lock.mjs';

const holding = (packages: Parameters<typeof missingVariants>[0]['packages']) => missingVariants({ packages });
const parent = (...names: string[]) => ({
  version: '1.2.3',
  dev: true,
  optionalDependencies: Object.fromEntries(names.map((name) => [name, '1.2.3'])),
});

describe('the lock', () => {
  it('holds each platform variant, or npm ci refuses it (mended by: node tools/lock.mjs)', () => {
    const file = new URL('../../package-lock.json', import.meta.url);
    const lock = JSON.parse(readFileSync(file, 'utf8')) as Parameters<typeof missingVariants>[0];
    expect(Object.keys(missingVariants(lock))).toEqual([]);
  });

  it('is complete when a variant stands beside its parent or above it', () => {
    expect(
      holding({
        'libs/a': parent('b'),
        'node_modules/b': parent('c'),
        'node_modules/b/node_modules/c': parent('d'),
        'node_modules/d': {},
      }),
    ).toEqual({});
  });

  it('is completed by what a variant runs on, as its name says', () => {
    const variants = ['@swc/core-darwin-arm64', 'x-linux-x64-musl', 'x-linux-arm-gnueabihf', 'x-linux-x64-gnu'];
    expect(holding({ 'node_modules/x': parent(...variants) })).toEqual({
      'node_modules/@swc/core-darwin-arm64': {
        version: '1.2.3',
        os: ['darwin'],
        cpu: ['arm64'],
        dev: true,
        optional: true,
      },
      'node_modules/x-linux-x64-musl': {
        version: '1.2.3',
        os: ['linux'],
        cpu: ['x64'],
        libc: ['musl'],
        dev: true,
        optional: true,
      },
      'node_modules/x-linux-arm-gnueabihf': {
        version: '1.2.3',
        os: ['linux'],
        cpu: ['arm'],
        dev: true,
        optional: true,
      },
      'node_modules/x-linux-x64-gnu': {
        version: '1.2.3',
        os: ['linux'],
        cpu: ['x64'],
        libc: ['glibc'],
        dev: true,
        optional: true,
      },
    });
  });
});
