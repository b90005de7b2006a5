#!/usr/bin/env node
// The command line is TypeScript: this file finds what was built of it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const built = new URL('../dist/cli/main.js', import.meta.url);
if (process.argv[2] === 'node') {
  // Commands for the host of a node come with the node: as git does, another program of that name is looked for.
  const beside = fileURLToPath(new URL('../../ledger-node/bin/gridtokenx-node.mjs', import.meta.url));
  const args = process.argv.slice(3);
  const { status, error } = existsSync(beside)
    ? spawnSync(process.execPath, [beside, ...args], { stdio: 'inherit' })
    : spawnSync('gridtokenx-node', args, { stdio: 'inherit' });
  if (error !== undefined) process.stderr.write('gridtokenx-node is not installed here: it comes with the node\n');
  process.exitCode = status ?? 2;
} else if (!existsSync(built)) {
  process.stderr.write('gridtokenx is not built yet: run `npm ci` and `npm run build` in the repository\n');
  process.exitCode = 2;
} else {
  // A reader that stops early (`| head`) is no error.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { main } = await import(built.href);
  process.exitCode = await main(process.argv.slice(2));
}
