/** All breaches of the walls between the packages under `root`, as sentences; an empty list is a clean tree. */
export function findBreaches(root: string): string[];
