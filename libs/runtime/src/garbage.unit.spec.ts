import { spawnSync } from 'node:child_process';
import { expect, it } from '@jest/globals';
import { GARBAGE_FLAG } from './garbage.js';

it('is a flag that this engine knows', () => {
  const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(stdout).toContain(`${GARBAGE_FLAG} (`);
});
