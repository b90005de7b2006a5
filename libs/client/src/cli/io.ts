import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { platform as ownPlatform, type Platform } from '../platform.js';

/** The files and streams of the command line; tests give their own. */
export interface Io {
  readonly platform: Platform;
  out(text: string): void;
  error(text: string): void;
  readonly files: Files;
}

export interface Files {
  read(path: string): Uint8Array;
  exists(path: string): boolean;
  /** Fails when there is such a file. */
  create(path: string, text: string, mode: number): void;
  /** Whole or not at all. */
  replace(path: string, text: string, mode?: number): void;
  /** Permission bits, where the system has them. */
  mode(path: string): number | undefined;
}

const nodeFiles: Files = {
  read: (path) => new Uint8Array(readFileSync(path)),
  exists: (path) => existsSync(path),
  create: (path, text, mode) => {
    writeFileSync(path, text, { flag: 'wx', mode });
  },
  replace: (path, text, mode = 0o644) => {
    const next = `${path}.new`;
    writeFileSync(next, text, { mode });
    chmodSync(next, mode);
    renameSync(next, path);
  },
  mode: (path) => (process.platform === 'win32' ? undefined : statSync(path).mode & 0o777),
};

export const nodeIo: Io = {
  platform: ownPlatform,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  files: nodeFiles,
};
