import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** One breach a file; the file's name has no part in it. */
const PLANTED: [rule: string, file: string, text: string][] = [
  ['eslint(no-restricted-globals)', 'libs/kernel/src/clock.ts', 'export const now = () => Date.now();'],
  ['eslint(no-restricted-globals)', 'libs/domain/src/timer.ts', 'export const later = (f) => setTimeout(f, 1);'],
  ['eslint(no-restricted-globals)', 'libs/consensus/src/env.ts', 'export const home = process.env;'],
  ['eslint(no-restricted-globals)', 'libs/chain/src/intl.ts', "export const f = new Intl.NumberFormat('th');"],
  ['eslint(no-restricted-properties)', 'libs/crypto/src/dice.ts', 'export const dice = () => Math.random();'],
  ['eslint(no-restricted-properties)', 'libs/projections/src/sort.ts', 'export const f = (a) => a.localeCompare(a);'],
  ['eslint(no-restricted-properties)', 'libs/domain/src/case.ts', 'export const f = (a) => a.toLocaleUpperCase();'],
  ['eslint(no-restricted-imports)', 'libs/domain/src/file.ts', "export { readFileSync } from 'node:fs';"],
  ['eslint(no-restricted-imports)', 'libs/protocol/src/nest.ts', "export { Injectable } from '@nestjs/common';"],
  ['eslint(no-console)', 'libs/runtime/src/log.ts', "console.log('here');"],
  ['typescript(no-explicit-any)', 'libs/runtime/src/any.ts', 'export const a: any = 1;'],
  ['typescript(no-non-null-assertion)', 'libs/runtime/src/bang.ts', 'export const a = (b?: number[]) => b!.length;'],
  ['import(no-default-export)', 'libs/runtime/src/default.ts', 'export default 1;'],
  ['typescript(no-floating-promises)', 'libs/runtime/src/floating.ts', 'export function f() { Promise.resolve(); }'],
  ['typescript(no-misused-promises)', 'libs/runtime/src/misused.ts', '[1].forEach(async () => { await 0; });'],
  [
    'typescript(switch-exhaustiveness-check)',
    'libs/runtime/src/switch.ts',
    "export function f(a: 'b' | 'c') { switch (a) { case 'b': return 1; } return 2; }",
  ],
  ['import(no-cycle)', 'libs/runtime/src/one.ts', "import { b } from './two.js';\nexport const a = () => b;"],
  ['import(no-cycle)', 'libs/runtime/src/two.ts', "import { a } from './one.js';\nexport const b = () => a;"],
  ['jest(expect-expect)', 'libs/runtime/src/idle.unit.spec.ts', "it('promises nothing', () => {});"],
];

/** What is fine where it stands, though elsewhere it is not. */
const FINE: [file: string, text: string][] = [
  ['libs/kernel/src/clock.unit.spec.ts', "it('may look at the clock', () => { expect(Date.now()).toBe(1); });"],
  ['libs/adapters/kafka/src/clock.ts', 'export const now = () => Date.now();'],
  ['prisma.config.ts', 'export default {};'],
  ['tools/src/say.ts', "console.log('here');"],
];

interface Finding {
  code: string;
  filename: string;
}

describe('lint', () => {
  let root: string;
  let findings: Finding[];

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'lint-'));
    copyFileSync(join(repository, '.oxlintrc.json'), join(root, '.oxlintrc.json'));
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
    const compilerOptions = { strict: true, target: 'es2024', module: 'nodenext', noEmit: true };
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    for (const [file, text] of [...PLANTED.map(([, ...planted]) => planted), ...FINE]) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    const oxlint = join(repository, 'node_modules/oxlint/bin/oxlint');
    const run = spawnSync(process.execPath, [oxlint, '--type-aware', '-f', 'json'], { cwd: root, encoding: 'utf8' });
    findings = (JSON.parse(run.stdout) as { diagnostics: Finding[] }).diagnostics;
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it.each(PLANTED)('finds %s in %s', (rule, file) => {
    expect(findings.filter(({ filename }) => filename === file).map(({ code }) => code)).toContain(rule);
  });

  it.each(FINE)('lets %s stand', (file) => {
    expect(findings.filter(({ filename }) => filename === file)).toEqual([]);
  });
});
