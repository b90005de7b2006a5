import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseSync, type ModuleItem } from '@swc/core';
import type { LedgerKind } from '@gridtokenx/protocol';

/** One change to one named function of a production module. */
export type Edit = {
  /** Such as `libs/consensus/src/step.ts`. */
  readonly file: string;
  /** `changeRound`, or `SignerRecords.load` for a method. */
  readonly function: string;
} & (
  | { readonly body: string }
  /** What of its compiled text is replaced by what; found exactly once, or planting fails. */
  | { readonly replace: readonly (readonly [from: string, to: string])[] }
);

export interface Mutation {
  readonly name: string;
  readonly bug: string;
  /** Where it shows; on the consortium ledger where nothing else is said. */
  readonly validators: number;
  readonly ledger?: LedgerKind;
  readonly edits: readonly Edit[];
}

/**
 * Replaces the functions that a mutation names, in this process only, as their modules are loaded: production code has no switch
 * for it. Fails at once when a function or the text in it is not there.
 */
export function plant({ name, edits }: Mutation): void {
  const byModule = new Map<string, Edit[]>();
  for (const edit of edits) {
    const url = new URL(`../../../${edit.file.replace('/src/', '/dist/').replace(/\.ts$/, '.js')}`, import.meta.url)
      .href;
    byModule.set(url, [...(byModule.get(url) ?? []), edit]);
  }
  const sources = new Map(
    [...byModule].map(([url, all]) => [url, all.reduce(mutated, readFileSync(fileURLToPath(url), 'utf8'))]),
  );
  const loaded = new Set<string>();
  registerHooks({
    load: (url, context, next) => {
      const source = sources.get(url);
      if (source === undefined) return next(url, context);
      loaded.add(url);
      return { format: 'module', source, shortCircuit: true };
    },
  });
  process.on('exit', () => {
    for (const url of sources.keys()) if (!loaded.has(url)) process.stderr.write(`${name}: ${url} was never loaded\n`);
  });
}

/** The source of a module with one function changed. Throws when that function or text is missing, or there twice. */
export function mutated(source: string, edit: Edit): string {
  const { start, end } = placeOf(source, edit, 'body' in edit);
  if ('body' in edit) return source.slice(0, start) + edit.body + source.slice(end);
  let body = source.slice(start, end);
  for (const [from, to] of edit.replace) {
    const found = body.split(from).length - 1;
    if (found !== 1) throw new Error(`${edit.file}#${edit.function}: '${from}' stands ${found} times in it, not once`);
    body = body.replace(from, () => to);
  }
  return source.slice(0, start) + body + source.slice(end);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Of the function, or of its body alone. Offsets of the parser are bytes. */
function placeOf(source: string, { file, function: name }: Edit, bodyAlone: boolean): Span {
  const bytes = Buffer.from(source);
  // The parser counts on from whatever it parsed before: a statement in front says where this source begins.
  const { body } = parseSync(`0;${source}`, { syntax: 'ecmascript', target: 'es2024' });
  const [first, ...rest] = body;
  if (first === undefined) throw new Error(`${file} is empty`);
  const base = first.span.start + 2;
  const places = rest.flatMap((item) => functionsIn(item, name));
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new Error(`${file} has ${places.length} functions ${name}, not one`);
  const { start, end } = bodyAlone ? place.body : place.whole;
  const lengthTo = (offset: number): number => bytes.subarray(0, offset - base).toString().length;
  return { start: lengthTo(start), end: lengthTo(end) };
}

interface Place {
  readonly whole: Span;
  readonly body: Span;
}

function functionsIn(item: ModuleItem, name: string): Place[] {
  const declaration = item.type === 'ExportDeclaration' ? item.declaration : item;
  if (declaration.type === 'FunctionDeclaration')
    return declaration.identifier.value === name && declaration.body !== undefined
      ? [{ whole: declaration.span, body: declaration.body.span }]
      : [];
  if (declaration.type === 'VariableDeclaration')
    return declaration.declarations.flatMap(({ id, init, span }) =>
      id.type === 'Identifier' && id.value === name && init?.type === 'ArrowFunctionExpression'
        ? [{ whole: span, body: (init.body as unknown as { span: Span }).span }]
        : [],
    );
  if (declaration.type !== 'ClassDeclaration') return [];
  const [className, method] = name.split('.');
  if (declaration.identifier.value !== className) return [];
  return declaration.body.flatMap((member) =>
    member.type === 'ClassMethod' &&
    member.key.type === 'Identifier' &&
    member.key.value === method &&
    member.function.body !== undefined
      ? [{ whole: member.span, body: member.function.body.span }]
      : [],
  );
}
