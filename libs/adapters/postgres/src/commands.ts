import type { BlockRows } from '@gridtokenx/projections';
import { unreachable } from '@gridtokenx/kernel';
import { COMMON } from './common-statements.js';
import { CONSORTIUM } from './consortium-statements.js';
import { PUBLIC } from './public-statements.js';
import type { Build, Copy, Statement } from './statements.js';

/** The commands that write the rows of a block, each made when it is asked for. */
export function* commandsOf(rows: BlockRows): Generator<Statement | Copy> {
  yield* built(COMMON, rows);
  switch (rows.kind) {
    case 'consortium':
      return yield* built(CONSORTIUM, rows);
    case 'public':
      return yield* built(PUBLIC, rows);
    default:
      unreachable(rows);
  }
}

function* built<Rows>(builds: readonly Build<Rows>[], rows: Rows): Generator<Statement | Copy> {
  for (const build of builds) {
    const command = build(rows);
    if (command !== undefined) yield command;
  }
}
