import { createHash } from 'node:crypto';
import { formatDecimal, formatTime, millis, toHex } from '@gridtokenx/kernel';
import { LEDGER_PATHS, type LedgerIdentity } from '@gridtokenx/protocol';
import type { Records } from '@gridtokenx/projections';
import type { AsOf, RecordView } from '@gridtokenx/runtime';

/** A block of the consortium that was asked for: its way to the anchor, or why there is none. */
export type ShownBlock =
  | { readonly height: number; readonly fault: string }
  | {
      readonly height: number;
      readonly time: number;
      readonly anchor: RecordView<Records['anchor']>;
      /** From the block to the anchored one. */
      readonly hashes: readonly string[];
    };

export interface ProofsPage {
  readonly consortium: Pick<LedgerIdentity, 'ledgerId' | 'genesisHash'>;
  readonly identity: Pick<LedgerIdentity, 'ledgerId' | 'genesisHash'>;
  readonly at: AsOf;
  readonly anchors: readonly RecordView<Records['anchor']>[];
  readonly publications: readonly RecordView<Records['publication']>[];
  readonly reports: readonly RecordView<Records['report']>[];
  readonly block: ShownBlock | undefined;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#16212b;--soft:#55636f;--line:#d5dce2;--back:#fff;--box:#f3f6f8;--mark:#0b6b50;--bad:#9c2a1c}
@media(prefers-color-scheme:dark){:root{--ink:#e4eaee;--soft:#9aa9b5;--line:#33414c;--back:#11181d;--box:#1a242b;--mark:#57c9a2;--bad:#f08f80}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:74rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .5rem}
h2{font-size:1.2rem;margin:2.75rem 0 .5rem}
p{max-width:44rem;margin:.5rem 0}
.soft,th,td::before{color:var(--soft)}
a{color:var(--mark)}
code,pre,.hash{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.84rem}
.hash{overflow-wrap:anywhere}
pre{background:var(--box);border:1px solid var(--line);border-radius:6px;padding:.75rem 1rem;margin:.75rem 0;overflow-x:auto}
form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin:1rem 0}
label{display:block;font-size:.9rem;color:var(--soft)}
input,button{font:inherit;padding:.5rem .75rem;border-radius:6px;border:1px solid var(--line);background:var(--back);color:var(--ink)}
input{width:13rem;display:block}
button{background:var(--mark);border-color:var(--mark);color:var(--back);cursor:pointer}
:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
.result{border:1px solid var(--line);border-left:4px solid var(--mark);border-radius:6px;padding:1rem 1.25rem;margin:1rem 0}
.result.bad{border-left-color:var(--bad)}
.result h3{margin:0 0 .25rem;font-size:1.05rem}
.chain{list-style:none;margin:1rem 0;padding:0}
.chain li{display:grid;grid-template-columns:7rem 1fr;gap:.75rem;padding:.3rem 0;border-top:1px solid var(--line)}
.chain li.end{font-weight:600}
table{border-collapse:collapse;width:100%;margin:.75rem 0}
th,td{text-align:left;vertical-align:top;padding:.5rem 1.25rem .5rem 0;border-top:1px solid var(--line)}
thead th{border-top:0;font-weight:500;font-size:.9rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th.number{white-space:normal}
.time{white-space:nowrap}
@media(max-width:720px){
main{padding-top:1.25rem}
thead{display:none}
tr{display:block;border-top:1px solid var(--line);padding:.6rem 0}
td{display:grid;grid-template-columns:7.5rem minmax(0,1fr);gap:.75rem;border:0;padding:.15rem 0;text-align:left}
td.number{text-align:left;white-space:normal}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
td::before{content:attr(data-label);font-size:.9rem}
.chain li{grid-template-columns:1fr;gap:0}
input{width:100%}
form>div,button{flex:1 1 100%}
}
`;

/** Nothing is loaded, run or sent elsewhere; the one style is named by its hash. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const BASE = LEDGER_PATHS.public;
/** Of a long way the ends are shown; all of it is in the file. */
const SHOWN_FIRST = 8;
const SHOWN_LAST = 4;

const MARKS: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const text = (value: string | number): string => String(value).replaceAll(/[&<>"']/g, (mark) => MARKS[mark] ?? '');
const time = (value: string): string =>
  `<span class="time">${text(
    value
      .replace('T', ' ')
      .replace(/(\.\d+)?Z$/, ' UTC')
      .replace(' 00:00:00 UTC', ''),
  )}</span>`;
const code = (value: string): string => `<pre><code>${text(value)}</code></pre>`;
const hash = (value: string): string => `<span class="hash">${text(value)}</span>`;
const count = (value: number | string): string => String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ',');
/** A figure of minor units, with so many decimals shown, rounded down. */
function figure(minor: string | number, decimals: number, shown: number): string {
  const [whole = '', part = ''] = formatDecimal(BigInt(minor), decimals, shown).split('.');
  return count(whole) + (shown === 0 ? '' : `.${part.slice(0, shown)}`);
}
const linkTo = (height: number): string => `<a href="${BASE}/proofs?height=${height}">${count(height)}</a>`;

interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** HTML. */
  readonly of: (item: T) => string;
}

function table<T>(items: readonly T[], columns: readonly Column<T>[], none: string): string {
  if (items.length === 0) return `<p class="soft">${none}</p>`;
  const styleOf = ({ isNumber }: Column<T>): string => (isNumber === true ? ' class="number"' : '');
  const head = columns.map((column) => `<th scope="col"${styleOf(column)}>${column.title}</th>`).join('');
  const rows = items.map((item) =>
    columns
      .map((column) => `<td${styleOf(column)} data-label="${column.title}"><span>${column.of(item)}</span></td>`)
      .join(''),
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.map((row) => `<tr>${row}</tr>`).join('')}</tbody></table>`;
}

export function proofsPage(page: ProofsPage): string {
  const { consortium, identity, at, anchors, publications, reports, block } = page;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Proofs · GridTokenX Ledger</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Proofs</h1>
<p>The consortium decides what is traded; the public ledger keeps hashes of its blocks. Whoever has the genesis file of the public
ledger can check any block of the consortium against them, and recompute what is published here. Believe none of this page:
the commands below check it on your own machine.</p>
<p class="soft">As of block ${count(at.height)} of the public ledger, ${time(formatTime(millis(at.timeMs)))}.</p>

<h2>Is this block under an anchor?</h2>
<form method="get" action="${BASE}/proofs">
<div><label for="height">Height of a consortium block</label>
<input id="height" name="height" type="number" inputmode="numeric" min="1" step="1" required${block === undefined ? '' : ` value="${block.height}"`}></div>
<button>Show its way to an anchor</button>
</form>
${block === undefined ? '' : blockShown(block)}
<h2>The two ledgers</h2>
${table(
  [
    { name: 'Public ledger', id: identity, genesis: `${BASE}/genesis`, file: 'public-genesis.json' },
    { name: 'Consortium', id: consortium, genesis: `${LEDGER_PATHS.consortium}/genesis`, file: 'genesis.json' },
  ],
  [
    { title: 'Ledger', of: ({ name }) => name },
    { title: 'Id', of: ({ id }) => hash(id.ledgerId) },
    { title: 'Genesis hash', of: ({ id }) => hash(toHex(id.genesisHash)) },
    { title: 'File', of: ({ genesis, file }) => `<a href="${genesis}" download="${file}">${file}</a>` },
  ],
  '',
)}
<p class="soft">A genesis file is your anchor of trust: compare its hash with one that you have from people, not from this page.</p>

<h2>Newest anchors</h2>
${table(
  anchors,
  [
    { title: 'Consortium block', of: ({ body }) => linkTo(body.height) },
    { title: 'Hash', of: ({ body }) => hash(body.hash) },
    { title: 'Block time', of: ({ body }) => time(body.time) },
    { title: 'Signers', isNumber: true, of: ({ body }) => count(body.signers) },
    { title: 'Anchored in block', isNumber: true, of: ({ height }) => count(height) },
  ],
  'Nothing is anchored yet.',
)}
<p class="soft">All of them, as JSON: <a href="${BASE}/anchors">${BASE}/anchors</a></p>

<h2>Published aggregates</h2>
<p>What the markets came to between two anchors. Anyone may publish, under a deposit, and anyone may dispute.</p>
${table(
  publications,
  [
    { title: 'Blocks', of: ({ body }) => `${count(body.fromHeight)} to ${linkTo(body.toHeight)}` },
    { title: 'Trades', isNumber: true, of: ({ body }) => count(body.trades) },
    { title: 'Traded kWh', isNumber: true, of: ({ body }) => figure(body.tradedWh, 3, 3) },
    { title: 'THB/kWh', isNumber: true, of: ({ body }) => figure(body.averagePrice, 4, 4) },
    { title: 'Renewable', isNumber: true, of: ({ body }) => `${figure(body.renewableShare, 2, 2)} %` },
    { title: 'Grid fees THB', isNumber: true, of: ({ body }) => figure(body.gridFees, 6, 2) },
    {
      title: 'WATT reserve / supply',
      isNumber: true,
      of: ({ body }) => `${figure(body.wattReserve, 6, 0)} / ${figure(body.wattSupply, 6, 0)}`,
    },
    { title: 'Status', of: ({ id, body }) => `<a href="${BASE}/aggregates/${text(id)}">${text(body.status)}</a>` },
  ],
  'Nothing is published yet.',
)}
${publications.length === 0 ? '' : `<p>The newest, counted again from the genesis of the consortium on:</p>${code(aggregatesCommand(publications[0]?.id ?? ''))}`}

<h2>Registered reports</h2>
${table(
  reports,
  [
    { title: 'Kind', of: ({ body }) => text(body.kind) },
    { title: 'Period', of: ({ body }) => `${time(body.periodFrom)} to ${time(body.periodTo)}` },
    { title: 'Version', isNumber: true, of: ({ body }) => text(body.version) },
    { title: 'SHA-256', of: ({ body }) => hash(body.hash) },
    { title: 'Check it with', of: ({ body }) => hash(body.verifier) },
  ],
  'No report is registered yet.',
)}
</main>
</body>
</html>
`;
}

function blockShown(block: ShownBlock): string {
  const { height } = block;
  if ('fault' in block)
    return `<section class="result bad"><h3>Block ${count(height)} is not shown</h3><p>${text(block.fault)}</p></section>`;
  const { anchor, hashes } = block;
  const last = anchor.body.height;
  const line = (index: number): string =>
    `<li${index === hashes.length - 1 ? ' class="end"' : ''}><span>${count(height + index)}</span>${hash(hashes[index] ?? '')}</li>`;
  const isLong = hashes.length > SHOWN_FIRST + SHOWN_LAST;
  const lines = hashes.map((_, index) => line(index));
  const shown = isLong
    ? [
        ...lines.slice(0, SHOWN_FIRST),
        `<li class="soft"><span>…</span><span>${count(hashes.length - SHOWN_FIRST - SHOWN_LAST)} more</span></li>`,
        ...lines.slice(-SHOWN_LAST),
      ]
    : lines;
  const way =
    hashes.length === 1 ? 'It is anchored itself' : `${count(hashes.length)} headers lead up to block ${count(last)}`;
  return `<section class="result">
<h3>Block ${count(height)} is under an anchor</h3>
<p>It is of ${time(formatTime(millis(block.time)))}. ${way}, whose hash block ${count(anchor.height)} of the public ledger holds.
Each block names the hash of the one before.</p>
<ol class="chain">${shown.join('')}</ol>
<p>Check it offline, with your own copy of the public ledger's genesis file. <code>URL</code> is the address of any gateway, such as
<code>http://127.0.0.1:8080</code>.</p>
${code(anchorCommand(height))}
<p class="soft">Once the public ledger has other validators than its genesis names, add <code>--url $URL</code>: a light client then learns
them, step by step, and believes no gateway.</p>
</section>`;
}

const anchorCommand = (height: number): string =>
  [
    `curl -s $URL${BASE}/anchors/${height}/proof -o under-anchor.json`,
    `npx gridtokenx verify anchor --genesis public-genesis.json --height ${height} --file under-anchor.json`,
  ].join('\n');

const aggregatesCommand = (id: string): string =>
  [
    'npx gridtokenx verify aggregates --genesis public-genesis.json --consortium-genesis genesis.json \\',
    `  --url $URL --id ${id}`,
  ].join('\n');
