import { assert } from '@gridtokenx/kernel';

/** How one nominator's budget is shared out: `[candidate, stake]`, each candidate once, no stake of 0. */
export interface Assignment {
  readonly nominator: string;
  readonly distribution: readonly (readonly [candidate: string, stake: bigint])[];
}

/** A nominator or a candidate in the forest of edges kept so far. `up` is the edge to its parent. */
interface Node {
  up: Link | undefined;
}

interface Link {
  readonly voter: Node;
  readonly target: Node;
  stake: bigint;
}

const other = ({ voter, target }: Link, node: Node): Node => (node === voter ? target : voter);

/** The edges from a node to the root of its tree. */
function pathUp(node: Node): Link[] {
  const path: Link[] = [];
  for (let at = node; at.up !== undefined;) {
    path.push(at.up);
    at = other(at.up, at);
  }
  return path;
}

/** Makes the node the root of its tree. */
function reroot(node: Node): void {
  let at = node;
  let down: Link | undefined;
  for (;;) {
    const { up } = at;
    at.up = down;
    if (up === undefined) return;
    down = up;
    at = other(up, at);
  }
}

const rootOf = (node: Node): Node => pathUp(node).reduce((at, link) => other(link, at), node);
const least = (links: readonly Link[]): bigint =>
  links.reduce((least, { stake }) => (stake < least ? stake : least), links[0]?.stake ?? 0n);

/**
 * SPEC election 6.2: the same budgets and the same stake behind each candidate, with as few edges as that takes: fewer than
 * nominators and candidates together. Edges are added one by one to a forest; one that would close a cycle has stake moved
 * around it, off every second edge of it and onto the others, until an edge of it is gone. The edges that lose are those
 * with the smallest one among them, and of equals those without the one that closes the cycle.
 */
export function reduce(assignments: readonly Assignment[]): {
  readonly assignments: Assignment[];
  readonly removed: number;
} {
  const targets = new Map<string, Node>();
  const kept = assignments.map(({ nominator, distribution }) => {
    const voter: Node = { up: undefined };
    const links = distribution.map(([candidate, stake]) => {
      let target = targets.get(candidate);
      if (target === undefined) targets.set(candidate, (target = { up: undefined }));
      return { candidate, link: { voter, target, stake } };
    });
    for (const { link } of links) add(link);
    return { nominator, links };
  });
  assert(
    new Set(assignments.map(({ nominator }) => nominator)).size === assignments.length,
    'a nominator stands twice',
  );
  let removed = 0;
  const reduced = kept.map(({ nominator, links }) => {
    const left = links.filter(({ link }) => link.stake > 0n);
    removed += links.length - left.length;
    return { nominator, distribution: left.map(({ candidate, link }) => [candidate, link.stake] as const) };
  });
  return { assignments: reduced, removed };
}

function add(link: Link): void {
  const { voter, target } = link;
  if (rootOf(voter) === rootOf(target)) {
    const [fromVoter, fromTarget] = [pathUp(voter), pathUp(target)];
    while (fromVoter.length > 0 && fromVoter.at(-1) === fromTarget.at(-1)) {
      fromVoter.pop();
      fromTarget.pop();
    }
    const cycle = [link, ...fromVoter, ...fromTarget.reverse()];
    const same = cycle.filter((_, at) => at % 2 === 0);
    const opposite = cycle.filter((_, at) => at % 2 === 1);
    const [lose, gain] = least(same) < least(opposite) ? [same, opposite] : [opposite, same];
    const moved = least(lose);
    for (const each of lose) each.stake -= moved;
    for (const each of gain) each.stake += moved;
    for (const each of lose) if (each.stake === 0n && each !== link) cut(each);
    if (link.stake === 0n) return;
  }
  reroot(target);
  target.up = link;
}

function cut(link: Link): void {
  for (const node of [link.voter, link.target]) if (node.up === link) node.up = undefined;
}
