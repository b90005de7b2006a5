// Completes package-lock.json. Native packages come in one variant a platform, as optional dependencies; npm leaves out
// of the lock each variant that the registry at hand did not serve, and `npm ci` then refuses the lock, here and on the
// platform in question. Run it after `npm install` has changed the lock:
//   node tools/lock.mjs           adds what is missing
//   node tools/lock.mjs --check   only says what is missing, and exits 1 if anything is
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './node24.mjs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const EXACT = /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;

/** The optional dependencies that packages of the lock name and the lock does not hold: its key -> its entry. */
export function missingVariants(lock) {
  const missing = {};
  for (const [from, { optionalDependencies = {}, dev, link }] of Object.entries(lock.packages)) {
    if (link) continue;
    for (const [name, range] of Object.entries(optionalDependencies))
      if (!isHeld(lock.packages, from, name) && EXACT.test(range))
        missing[`node_modules/${name}`] = {
          version: range,
          ...platformOf(name),
          ...(dev ? { dev } : {}),
          optional: true,
        };
  }
  return missing;
}

/** Looks where Node would: beside the package, and upwards. */
function isHeld(packages, from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (packages[`${at}${at === '' ? '' : '/'}node_modules/${name}`] !== undefined) return true;
    if (!at.includes('node_modules/')) return packages[`node_modules/${name}`] !== undefined;
  }
}

/** What a variant runs on, as its name says it. */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => SYSTEMS.includes(word));
  const cpu = words.filter((word) => PROCESSORS.includes(word));
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : words.includes('gnu') ? ['glibc'] : [];
  return Object.fromEntries(Object.entries({ cpu, os, libc }).filter(([, values]) => values.length > 0));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const file = join(root, 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingVariants(lock);
  const names = Object.keys(missing);
  if (process.argv.includes('--check')) {
    for (const name of names) console.log(`missing: ${name}`);
    process.exitCode = names.length === 0 ? 0 : 1;
  } else {
    const entries = Object.entries({ ...lock.packages, ...missing });
    entries.sort(([a], [b]) => a.localeCompare(b, 'en'));
    writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
    console.log(`the lock is complete (${names.length} added)`);
  }
}
