#!/usr/bin/env node
// `gridtokenx node …` hands over to this: it finds what was built of the commands for the host of a node.
import { existsSync } from 'node:fs';

const built = new URL('../dist/node/main.js', import.meta.url);
if (!existsSync(built)) {
  process.stderr.write('gridtokenx-node is not built yet: run `npm ci` and `npm run build` in the repository\n');
  process.exitCode = 2;
} else {
  const { main } = await import(built.href);
  process.exit(await main(process.argv.slice(2)));
}
