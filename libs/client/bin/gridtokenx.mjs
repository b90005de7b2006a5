#!/usr/bin/env node
// The command line is TypeScript: this file finds what was built of it.
import { existsSync } from 'node:fs';

const built = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(built)) {
  process.stderr.write('gridtokenx is not built yet: run `npm ci` and `npm run build` in the repository\n');
  process.exitCode = 2;
} else {
  // A reader that stops early (`| head`) is no error.
  process.stdout.on('error', (error) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  const { main } = await import(built.href);
  process.exitCode = await main(process.argv.slice(2));
}
