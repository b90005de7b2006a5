import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const README_LINES_MAX = 15;

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'generated', 'coverage']);
const CODE_FOLDERS = ['libs', 'apps', 'tools', 'bench', 'prisma', 'infra'];
const CODE_FILE = /\.([cm]?[jt]sx?|sql|prisma|ya?ml)$/;
// Written apart, so that this file does not break its own rule.
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b(?!\\(#\\d+\\))`);
const CITATION = new RegExp(`\\b${'SPEC'} ([a-z][a-z0-9-]*) (\\d+\\.\\d+)`, 'g');

/** A rule of docs/spec is a line that starts with its number in bold; the lines below it name its code and its test. */
const RULE = /^\*\*(\d+\.\d+)\*\*/;
const HEADING = /^#+ (?:(\d+\.\d+)\b)?/;
const NAMED_FILE = /((?:libs|apps|tools|bench)\/[\w./-]+\.m?[jt]s)(?:#(\w+))?/g;
const TEST_FILE = /\.(spec|contract)\.ts$/;

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : filesUnder(path);
    return [path];
  });
}

const codeFiles = (root: string): string[] =>
  CODE_FOLDERS.flatMap((folder) => filesUnder(join(root, folder))).filter((file) => CODE_FILE.test(file));
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').trimEnd().split('\n');

function untidyPackages(root: string): string[] {
  const manifests = ['libs', 'apps', 'tools', 'bench']
    .flatMap((folder) => filesUnder(join(root, folder)))
    .filter((file) => basename(file) === 'package.json');
  if (manifests.length === 0) return ['no packages found'];
  return manifests.flatMap((file) => {
    const where = relative(root, dirname(file));
    const { nx } = JSON.parse(readFileSync(file, 'utf8')) as { nx?: { tags?: string[] } };
    const layers = (nx?.tags ?? []).filter((tag) => tag.startsWith('layer:'));
    const problems = layers.length === 1 ? [] : [`${where} has ${layers.length} layer tags`];
    const readme = join(dirname(file), 'README.md');
    if (!existsSync(readme)) return [...problems, `${where} has no README.md`];
    // The README of bench defines the loads, that of tools the commands; those of houses only point.
    const isHouse = where.startsWith('libs') || where.startsWith('apps');
    if (isHouse && linesOf(readme).length > README_LINES_MAX)
      problems.push(`${where}/README.md is longer than ${README_LINES_MAX} lines`);
    return problems;
  });
}

function unfinished(root: string): string[] {
  return codeFiles(root).flatMap((file) =>
    linesOf(file).flatMap((line, at) => (UNFINISHED.test(line) ? [`${relative(root, file)}:${at + 1}: ${line}`] : [])),
  );
}

interface Rule {
  id: string;
  text: string[];
}

function rulesOf(file: string): { ids: Set<string>; rules: Rule[] } {
  const ids = new Set<string>();
  const rules: Rule[] = [];
  let current: Rule | undefined;
  for (const line of linesOf(file)) {
    const rule = RULE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    if (heading?.[1] !== undefined) ids.add(heading[1]);
    if (heading !== null) current = undefined;
    if (rule !== undefined) {
      ids.add(rule);
      current = { id: rule, text: [] };
      rules.push(current);
    }
    current?.text.push(line);
  }
  return { ids, rules };
}

const specsOf = (root: string): string[] => filesUnder(join(root, 'docs/spec')).filter((file) => file.endsWith('.md'));

function unknownCitations(root: string): string[] {
  const known = new Map(specsOf(root).map((file) => [basename(file, '.md'), rulesOf(file).ids]));
  return codeFiles(root).flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(CITATION)].flatMap(([citation, name = '', id = '']) =>
      known.get(name)?.has(id) ? [] : [`${relative(root, file)} cites '${citation}', which docs/spec does not have`],
    ),
  );
}

function unprovenRules(root: string): string[] {
  return specsOf(root).flatMap((spec) => {
    const { rules } = rulesOf(spec);
    const seen = new Set<string>();
    return rules.flatMap((rule) => {
      const name = `${basename(spec, '.md')} ${rule.id}`;
      const twice = seen.has(rule.id) ? [`${name} stands twice`] : [];
      seen.add(rule.id);
      return [...twice, ...unproven(root, name, rule, 'Code'), ...unproven(root, name, rule, 'Test')];
    });
  });
}

/** `Code: libs/x/src/y.ts#function`, `Test: libs/x/src/y.unit.spec.ts`: the file is there, and so is the name in it. */
function unproven(root: string, name: string, rule: Rule, kind: 'Code' | 'Test'): string[] {
  const named = rule.text
    .filter((line) => new RegExp(`^[-*\\s]*${kind}: `).test(line))
    .flatMap((line) => [...line.matchAll(NAMED_FILE)]);
  if (named.length === 0) return [`${name} names no ${kind.toLowerCase()}`];
  return named.flatMap(([, file = '', symbol]) => {
    if (!existsSync(join(root, file))) return [`${name} names ${file}, which is not there`];
    if (kind === 'Test' && !TEST_FILE.test(file)) return [`${name} names ${file} as a test, which it is not`];
    if (symbol === undefined) return [];
    const isThere = new RegExp(`\\b${symbol}\\b`).test(readFileSync(join(root, file), 'utf8'));
    return isThere ? [] : [`${name} names ${symbol}, which is not in ${file}`];
  });
}

function untidyDecisions(root: string): string[] {
  const folder = join(root, 'docs/adr');
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const numbers = names.map((name) => name.slice(0, 3));
  return names.flatMap((name, at) => {
    const problems = /^\d{3}-[a-z0-9-]+\.md$/.test(name) ? [] : [`docs/adr/${name} is not named NNN-title.md`];
    if (numbers.indexOf(name.slice(0, 3)) !== at) problems.push(`docs/adr/${name} has the number of another`);
    if (!linesOf(join(folder, name)).some((line) => line.startsWith('Status:')))
      problems.push(`docs/adr/${name} has no 'Status:' line`);
    return problems;
  });
}

describe('the repository is tidy', () => {
  it('in that each package has a short README and exactly one layer', () => {
    expect(untidyPackages(repository)).toEqual([]);
  });

  it('in that what is unfinished has an issue', () => {
    expect(unfinished(repository)).toEqual([]);
  });

  it('in that each rule cited in the code stands in docs/spec', () => {
    expect(unknownCitations(repository)).toEqual([]);
  });

  it('in that each rule of docs/spec names its function and its test', () => {
    expect(unprovenRules(repository)).toEqual([]);
  });

  it('in that each decision has a number, a title and a status', () => {
    expect(untidyDecisions(repository)).toEqual([]);
  });
});

describe('an untidy tree is seen', () => {
  const roots: string[] = [];
  afterEach(() => {
    for (const root of roots.splice(0)) rmSync(root, { recursive: true });
  });

  function plant(tree: Record<string, string>): string {
    const root = mkdtempSync(join(tmpdir(), 'tidy-'));
    roots.push(root);
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return root;
  }

  it('by packages without README or layer, and by long READMEs', () => {
    const root = plant({
      'libs/a/package.json': '{"nx":{"tags":["layer:kernel"]}}',
      'libs/b/package.json': '{}',
      'libs/b/README.md': 'line\n'.repeat(README_LINES_MAX + 1),
    });
    expect(untidyPackages(root)).toEqual([
      'libs/a has no README.md',
      'libs/b has 0 layer tags',
      `libs/b/README.md is longer than ${README_LINES_MAX} lines`,
    ]);
    expect(untidyPackages(plant({}))).toEqual(['no packages found']);
  });

  it('by unfinished work that no issue tells of', () => {
    const mark = 'TO' + 'DO';
    const root = plant({ 'libs/a/src/a.ts': `// ${mark}(#12): later\n// ${mark}: some day\n// FIX${'ME'}\n` });
    expect(unfinished(root)).toEqual([
      expect.stringContaining('libs/a/src/a.ts:2'),
      expect.stringContaining('libs/a/src/a.ts:3'),
    ]);
  });

  it('by rules without proof and citations without rule', () => {
    const root = plant({
      'docs/spec/pbft.md': [
        '## 4.1 Prepare',
        '**4.2** A quorum prepares.',
        'Code: libs/a/src/a.ts#onPrepare',
        'Test: libs/a/src/a.unit.spec.ts',
        '**4.3** A rule without anything.',
        '**4.4** A rule with a lost function and no real test.',
        'Code: libs/a/src/a.ts#onNothing, libs/a/src/gone.ts',
        'Test: libs/a/src/a.ts',
      ].join('\n'),
      'libs/a/src/a.ts': ['4.1', '4.2', '9.9'].map((id) => `// SPE${'C'} pbft ${id}: so\n`).join('') + 'onPrepare();',
      'libs/a/src/a.unit.spec.ts': '',
    });
    expect(unknownCitations(root)).toEqual([expect.stringContaining('pbft 9.9')]);
    expect(unprovenRules(root)).toEqual([
      'pbft 4.3 names no code',
      'pbft 4.3 names no test',
      'pbft 4.4 names onNothing, which is not in libs/a/src/a.ts',
      'pbft 4.4 names libs/a/src/gone.ts, which is not there',
      'pbft 4.4 names libs/a/src/a.ts as a test, which it is not',
    ]);
  });

  it('by decisions without number or status', () => {
    const root = plant({ 'docs/adr/Why.md': 'Because.', 'docs/adr/001-kafka.md': 'Status: accepted' });
    expect(untidyDecisions(root)).toEqual([
      'docs/adr/Why.md is not named NNN-title.md',
      "docs/adr/Why.md has no 'Status:' line",
    ]);
  });
});
