import { noble } from '@gridtokenx/crypto';
import { encodeCertificate, encodeHeader } from '@gridtokenx/chain';
import { toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import { decodeEnvelope } from '@gridtokenx/protocol';
import { describe, expect, it } from '@jest/globals';
import { ACCOUNT, cancelOf, INTERVAL, seedOf, TestLedger } from '../fixture.spec.js';
import { Keypair } from '../keypair.js';
import type { FetchInit } from '../platform.js';
import { encodeProofJson } from '../proof-json.js';
import type { Io } from './io.js';
import { COMMANDS, main } from './main.js';

type Handler = (path: string, init: FetchInit) => { status: number; body: unknown } | undefined;

/** A terminal with files in memory and a gateway that is a function. */
class Desk {
  readonly files = new Map<string, { bytes: Uint8Array; mode: number }>();
  readonly requests: { path: string; body: string | undefined }[] = [];
  handler: Handler = () => undefined;
  out = '';
  error = '';
  private now = 1_781_481_600_000;

  readonly io: Io = {
    platform: {
      fetch: async (url, init) => {
        const path = url.replace('http://gateway', '');
        this.requests.push({ path, body: init.body });
        const { status, body } = this.handler(path, init) ?? { status: 404, body: { code: 'http.404' } };
        const bytes = body instanceof Uint8Array ? body : utf8(typeof body === 'string' ? body : JSON.stringify(body));
        return { status, headers: { get: () => null }, arrayBuffer: async () => new Uint8Array(bytes).buffer };
      },
      randomBytes: (length) => seedOf(77).slice(0, length),
      now: () => this.now,
      sleep: async (ms) => {
        this.now += ms;
      },
    },
    out: (text) => {
      this.out += text;
    },
    error: (text) => {
      this.error += text;
    },
    files: {
      read: (path) => {
        const file = this.files.get(path);
        if (file === undefined) throw new Error(`no such file: ${path}`);
        return file.bytes;
      },
      exists: (path) => this.files.has(path),
      create: (path, text, mode) => {
        if (this.files.has(path)) throw new Error('exists');
        this.files.set(path, { bytes: utf8(text), mode });
      },
      replace: (path, text, mode = 0o644) => {
        this.files.set(path, { bytes: utf8(text), mode });
      },
      mode: (path) => this.files.get(path)?.mode,
    },
  };

  put(path: string, content: string | Uint8Array, mode = 0o644): void {
    this.files.set(path, { bytes: typeof content === 'string' ? utf8(content) : content, mode });
  }

  text(path: string): string {
    return new TextDecoder().decode(this.files.get(path)?.bytes);
  }

  async run(...argv: string[]): Promise<number> {
    this.out = '';
    this.error = '';
    return main(argv, this.io);
  }

  get answer(): Record<string, unknown> {
    return JSON.parse(this.out) as Record<string, unknown>;
  }
}

const ledger = new TestLedger(4);
const grown = ledger.grow(3);
const second = ledger.grow(1);
const KEY = Keypair.fromSeed(seedOf(5));

function desk(): Desk {
  const made = new Desk();
  made.put('genesis.json', ledger.file);
  made.put('office.key', KEY.toFile(), 0o600);
  made.put('proof.json', encodeProofJson(ledger.prove(grown, 1), 4));
  made.put('block-1.bin', grown.record);
  made.put('block-2.bin', second.record);
  return made;
}

/** Accepts everything, as a gateway does that knows the ledger. */
const accepting: Handler = (path, { body = '' }) => {
  const idsOf = (jws: string): { id: string; href: string }[] =>
    decodeEnvelope(noble, ledger.ledgerId, utf8(jws)).operationIds.map((id) => ({ id: toHex(id), href: 'x' }));
  if (path === '/v1/operations') return { status: 202, body: { operations: idsOf(body) } };
  if (path.startsWith('/v1/batches')) {
    const lines = body.trimEnd().split('\n');
    const results = lines.map((jws, i) => ({ line: i + 1, status: 'accepted', operations: idsOf(jws) }));
    return { status: 202, body: { results } };
  }
  if (path === '/v1/health') return { status: 200, body: { status: 'ok', ledgerId: ledger.ledgerId, height: 1 } };
  if (path.startsWith('/v1/keys/')) return { status: 200, body: { height: 1, highestSequence: 40 } };
  const id = path.startsWith('/v1/operations/') ? path.slice('/v1/operations/'.length) : undefined;
  return id === undefined ? undefined : { status: 200, body: { id, status: 'executed', height: 1, index: 2 } };
};

const PLACE = [
  ...['order', 'place', '--url', 'http://gateway', '--key', 'office.key', '--genesis', 'genesis.json'],
  ...[
    '--account',
    ACCOUNT,
    '--side',
    'bid',
    '--zone',
    'MEA-BKK-01',
    '--interval',
    INTERVAL,
    '--price',
    '4.50',
    '--kwh',
    '1000',
  ],
];
const SIGN = ['sign', '--key', 'office.key', '--genesis', 'genesis.json', '--operation', JSON.stringify(cancelOf(1))];

describe('the command line', () => {
  it('helps with every command, and shows examples that parse', async () => {
    const made = desk();
    expect(await made.run('--help')).toBe(0);
    for (const command of COMMANDS) expect(made.out).toContain(`gridtokenx ${command.name}`);
    for (const command of COMMANDS) {
      expect(await made.run(...command.name.split(' '), '--help')).toBe(0);
      expect(made.out).toContain(command.about);
      for (const example of command.examples) {
        expect(made.out).toContain(`  gridtokenx ${example}\n`);
        const used = [...example.matchAll(/ --([a-z-]+)/g)].map(([, name = '']) => name);
        expect(used.filter((name) => !(name in command.options) && name !== 'json')).toEqual([]);
      }
    }
  });

  it.each([
    [[], 'gridtokenx'],
    [['dance'], "no command 'dance'"],
    [['key'], 'key new, key show'],
    [['key', 'new'], '--out FILE is missing'],
    [['key', 'new', '--out', 'a', '--color'], '--color'],
    [['sign', '--key', 'office.key', '--ledger', 'x'], 'either --operation or --operations'],
    [['follow', '--url', 'http://gateway', '--id', 'x'], '64 hex digits'],
    [['follow', '--url', 'gateway', '--id', 'ab'.repeat(32)], 'URL'],
    [['follow', '--url', 'http://gateway', '--id', 'ab'.repeat(32), '--timeout', '3'], 'such as'],
    [['health', '--url', 'ftp://gateway'], 'URL'],
    [['batch', '--file', 'orders.txt'], 'neither .csv nor .ndjson'],
    [['batch', '--file', 'orders.csv', '--mode', 'some'], '--mode'],
    [['batch', '--file', 'orders.csv', '--operations-per-envelope', '1001'], '1 to 1000'],
    [[...SIGN, '--sequence', '0'], '--sequence'],
    [[...SIGN, '--valid-for', '2h'], '59m'],
    [['verify', 'proof', '--file', 'proof.json'], 'either --genesis or --header-hash'],
    [PLACE.map((argument) => (argument === '4.50' ? '4,50' : argument)), '4.50'],
    [PLACE.map((argument) => (argument === INTERVAL ? INTERVAL.replace('2026', '2569') : argument)), '2026-06-15'],
    [PLACE.map((argument) => (argument === 'bid' ? 'buy' : argument)), '/side'],
  ])('answers wrong use with 2 and says what is wrong: %j', async (argv, says) => {
    const made = desk();
    made.put('orders.csv', 'account\n');
    expect(await made.run(...argv)).toBe(2);
    expect(made.error).toContain(says);
    expect(made.out).toBe('');
  });

  it('makes a key once, for its owner only', async () => {
    const made = desk();
    expect(await made.run('key', 'new', '--out', 'new.key')).toBe(0);
    expect(made.files.get('new.key')?.mode).toBe(0o600);
    const kid = made.out.trim();
    expect(await made.run('key', 'show', '--key', 'new.key', '--json')).toBe(0);
    expect(made.answer).toEqual({ kid });
    expect(await made.run('key', 'new', '--out', 'new.key')).toBe(1);
    expect(made.error).toContain('file.exists');
  });

  it('does not use a key that others may read', async () => {
    const made = desk();
    made.put('office.key', KEY.toFile(), 0o644);
    expect(await made.run(...SIGN)).toBe(1);
    expect(made.error).toContain('key.permissions');
  });

  it('signs offline and goes on with the next sequence, for each ledger', async () => {
    const made = desk();
    const sequences = [];
    for (const more of [[], [], ['--sequence', '9'], []]) {
      expect(await made.run(...SIGN, ...more, '--json')).toBe(0);
      sequences.push(made.answer['sequence']);
    }
    expect(sequences).toEqual([1, 2, 9, 10]);
    expect(made.files.get('office.key.sequences')?.mode).toBe(0o600);
    const other = [
      'sign',
      '--key',
      'office.key',
      '--ledger',
      'gridtokenx-consortium-ffffffff',
      '--operation',
      JSON.stringify(cancelOf(1)),
    ];
    expect(await made.run(...other, '--json')).toBe(0);
    expect(made.answer['sequence']).toBe(1);
  });

  it('sends what was signed before', async () => {
    const made = desk();
    made.handler = accepting;
    expect(await made.run(...SIGN)).toBe(0);
    made.put('envelope.jws', made.out);
    const [, id = ''] = made.out.split('\n');
    expect(await made.run('submit', '--url', 'http://gateway', '--envelope', 'envelope.jws')).toBe(0);
    expect(made.out).toBe(`accepted ${id}\n`);
  });

  it('places an order, waits for it, and knows that the key has signed more than the gateway has seen', async () => {
    const made = desk();
    made.handler = accepting;
    expect(await made.run(...PLACE, '--wait', '--json')).toBe(0);
    expect(made.answer).toMatchObject({
      accepted: true,
      sequence: 41,
      operations: [{ status: 'executed', height: 1 }],
    });
    const jws = made.requests.find(({ path }) => path === '/v1/operations')?.body ?? '';
    expect(decodeEnvelope(noble, ledger.ledgerId, utf8(jws)).operations).toEqual([
      {
        type: 'market.placeOrder',
        account: ACCOUNT,
        side: 'bid',
        fromZone: 'MEA-BKK-01',
        toZone: 'MEA-BKK-01',
        interval: INTERVAL,
        priceTicks: 450,
        quantityWh: '1000000',
        timeInForce: 'GTC',
      },
    ]);
    expect(await made.run(...PLACE, '--json')).toBe(0);
    expect(made.answer).toMatchObject({ sequence: 42 });
  });

  it('cancels and replaces orders', async () => {
    const made = desk();
    made.handler = accepting;
    const common = [
      '--url',
      'http://gateway',
      '--key',
      'office.key',
      '--genesis',
      'genesis.json',
      '--order',
      'cd'.repeat(32),
    ];
    expect(await made.run('order', 'cancel', ...common)).toBe(0);
    expect(await made.run('order', 'replace', ...common, '--price', '4.4', '--kwh', '0.5')).toBe(0);
    expect(made.requests.filter(({ path }) => path === '/v1/operations')).toHaveLength(2);
  });

  it('says for which ledger it signs when only the gateway has named it', async () => {
    const made = desk();
    made.handler = accepting;
    const argv = PLACE.filter((argument) => argument !== '--genesis' && argument !== 'genesis.json');
    expect(await made.run(...argv)).toBe(0);
    expect(made.error).toContain(`signing for ${ledger.ledgerId}, as the gateway names it`);
  });

  it('answers a refusal with 1, its code and its place', async () => {
    const made = desk();
    const errors = [{ code: 'operation.sequenceUsed', pointer: '/sequence', detail: 'used' }];
    made.handler = (path, init) =>
      path === '/v1/operations'
        ? { status: 409, body: { code: 'operation.sequenceUsed', detail: 'used', errors } }
        : accepting(path, init);
    expect(await made.run(...PLACE)).toBe(1);
    expect(made.error).toBe('operation.sequenceUsed at /sequence: used\n');
    expect(await made.run(...PLACE, '--json')).toBe(1);
    expect(JSON.parse(made.error)).toMatchObject({
      error: { code: 'operation.sequenceUsed', pointer: '/sequence', status: 409 },
    });
  });

  it('follows an operation to its end and tells executed from rejected by the exit code', async () => {
    const made = desk();
    const id = 'ab'.repeat(32);
    made.handler = () => ({
      status: 200,
      body: { id, status: 'rejected', height: 3, index: 1, code: 'market.unknownOrder' },
    });
    expect(await made.run('follow', '--url', 'http://gateway', '--id', id)).toBe(1);
    expect(made.out).toContain('rejected (market.unknownOrder)');
    made.handler = () => ({ status: 200, body: { id, status: 'pending' } });
    expect(await made.run('follow', '--url', 'http://gateway', '--id', id, '--timeout', '2s')).toBe(1);
    expect(made.error).toContain('client.timeout');
  });

  it('shows balances and health as the gateway tells them', async () => {
    const made = desk();
    made.handler = (path) =>
      path === '/v1/health' || path === `/v1/accounts/${ACCOUNT}/balances`
        ? { status: 200, body: { height: 4 } }
        : undefined;
    expect(await made.run('balances', '--url', 'http://gateway', '--account', ACCOUNT, '--json')).toBe(0);
    expect(made.answer).toEqual({ height: 4 });
    expect(await made.run('health', '--url', 'http://gateway')).toBe(0);
    expect(JSON.parse(made.out)).toEqual({ height: 4 });
  });
});

describe('batches', () => {
  const SEND = [
    'batch',
    '--url',
    'http://gateway',
    '--key',
    'office.key',
    '--genesis',
    'genesis.json',
    '--results',
    'results.ndjson',
  ];
  const good = JSON.stringify(cancelOf(1));
  const bad = '{"type":"market.cancelOrder","order":"x"}';
  const resultsIn = (made: Desk): Record<string, unknown>[] =>
    made
      .text('results.ndjson')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  it('send a file in envelopes of the size asked for, and say what became of each line', async () => {
    const made = desk();
    made.handler = accepting;
    made.put('file.ndjson', Array.from({ length: 5 }, (_, i) => JSON.stringify(cancelOf(i))).join('\n'));
    expect(await made.run(...SEND, '--file', 'file.ndjson', '--operations-per-envelope', '2')).toBe(0);
    const batches = made.requests.filter(({ path }) => path.startsWith('/v1/batches'));
    expect(batches.map(({ path }) => path)).toEqual(['/v1/batches?mode=all-or-nothing']);
    const envelopes = (batches[0]?.body ?? '')
      .trimEnd()
      .split('\n')
      .map((jws) => decodeEnvelope(noble, ledger.ledgerId, utf8(jws)));
    expect(envelopes.map(({ sequence, operations }) => [sequence, operations.length])).toEqual([
      [41, 2],
      [42, 2],
      [43, 1],
    ]);
    expect(resultsIn(made)).toEqual(
      envelopes
        .flatMap(({ operationIds }) => operationIds)
        .map((id, i) => ({ line: i + 1, status: 'accepted', operationId: toHex(id) })),
    );
    expect(made.out).toBe('5 accepted, 0 refused, 0 not sent\n');
  });

  it('send nothing when a line is bad, unless asked to send the others', async () => {
    const made = desk();
    made.handler = accepting;
    made.put('file.ndjson', [good, bad, good].join('\n'));
    expect(await made.run(...SEND, '--file', 'file.ndjson')).toBe(1);
    expect(made.requests).toEqual([]);
    expect(made.error).toContain('file.ndjson:2 /order: envelope.schema');
    expect(resultsIn(made).map(({ line, status }) => [line, status])).toEqual([
      [1, 'notSent'],
      [2, 'refused'],
      [3, 'notSent'],
    ]);
    expect(await made.run(...SEND, '--file', 'file.ndjson', '--mode', 'partial')).toBe(1);
    expect(resultsIn(made).map(({ line, status }) => [line, status])).toEqual([
      [1, 'accepted'],
      [2, 'refused'],
      [3, 'accepted'],
    ]);
  });

  it('are checked without key and gateway by a dry run', async () => {
    const made = desk();
    made.put('orders.csv', `action,order\ncancel,${'cd'.repeat(32)}\n`);
    expect(await made.run('batch', '--file', 'orders.csv', '--dry-run')).toBe(0);
    expect(made.out).toBe('1 lines are good, 0 are not; nothing was sent\n');
    made.put('orders.csv', 'action,order\ncancel,7\n');
    expect(await made.run('batch', '--file', 'orders.csv', '--dry-run', '--json')).toBe(1);
    expect(made.answer).toMatchObject({
      dryRun: true,
      refused: 1,
      lines: [{ line: 2, column: 'order', code: 'envelope.schema' }],
    });
    made.put('orders.csv', 'action,order\n');
    expect(await made.run('batch', '--file', 'orders.csv', '--dry-run')).toBe(1);
    expect(made.error).toContain('batch.empty');
  });

  it('name the lines of an envelope that the gateway refuses, and the one at fault', async () => {
    const made = desk();
    const problem = { code: 'operation.sequenceUsed', pointer: '/operations/1/order', detail: 'used' };
    made.handler = (path, init) => {
      if (!path.startsWith('/v1/batches')) return accepting(path, init);
      const { body } = accepting(path, init) ?? {};
      const { results } = body as { results: object[] };
      return { status: 202, body: { results: [{ line: 1, status: 'refused', problem }, ...results.slice(1)] } };
    };
    made.put('file.ndjson', [good, good, good].join('\n'));
    expect(
      await made.run(...SEND, '--file', 'file.ndjson', '--operations-per-envelope', '2', '--mode', 'partial'),
    ).toBe(1);
    expect(resultsIn(made)).toMatchObject([
      { line: 1, status: 'refused', code: 'operation.sequenceUsed', hint: 'line 2 of the same envelope was refused' },
      { line: 2, status: 'refused', code: 'operation.sequenceUsed' },
      { line: 3, status: 'accepted' },
    ]);
  });

  it('that are refused as a whole name the envelope at fault; the others were not sent', async () => {
    const made = desk();
    const errors = [{ code: 'envelope.badSignature', line: 2, detail: 'no' }];
    made.handler = (path, init) =>
      path.startsWith('/v1/batches') ? { status: 422, body: { code: 'batch.refused', errors } } : accepting(path, init);
    made.put('file.ndjson', [good, good].join('\n'));
    expect(await made.run(...SEND, '--file', 'file.ndjson', '--operations-per-envelope', '1')).toBe(1);
    expect(resultsIn(made)).toMatchObject([
      { line: 1, status: 'notSent', code: 'batch.refused' },
      { line: 2, status: 'refused', code: 'envelope.badSignature' },
    ]);
  });

  it('larger than a request go in several, or not at all when all-or-nothing', async () => {
    const made = desk();
    made.handler = accepting;
    made.put('file.ndjson', `${good}\n`.repeat(10_001));
    const argv = [...SEND, '--file', 'file.ndjson', '--operations-per-envelope', '1000'];
    expect(await made.run(...argv)).toBe(1);
    expect(made.error).toContain('batch.tooManyOperations');
    expect(await made.run(...argv, '--mode', 'partial')).toBe(0);
    expect(made.requests.filter(({ path }) => path.startsWith('/v1/batches'))).toHaveLength(2);
  });
});

describe('verification offline', () => {
  const PROOF = ['verify', 'proof', '--genesis', 'genesis.json', '--file', 'proof.json'];
  const HEADER = toBase64Url(encodeHeader(grown.block.header));
  const CERTIFICATE = encodeCertificate(grown.block.certificate, 4);

  it('shows a proven outcome, and asks nobody', async () => {
    const made = desk();
    expect(await made.run(...PROOF)).toBe(0);
    expect(made.out).toContain(`proven: operation ${grown.operationIds[1]} was executed`);
    expect(made.out).toContain('signed by 3 of 4 validators');
    const hash = toHex(grown.block.certificate.blockHash);
    expect(
      await made.run(
        'verify',
        'proof',
        '--header-hash',
        hash,
        '--offered-genesis',
        'genesis.json',
        '--file',
        'proof.json',
        '--json',
      ),
    ).toBe(0);
    expect(made.answer).toMatchObject({ valid: true, height: 1, signers: 3 });
    expect(made.requests).toEqual([]);
  });

  it('refuses a proof of which a byte is another, with 1 and a code', async () => {
    const made = desk();
    const whole = made.files.get('proof.json')?.bytes ?? new Uint8Array(0);
    for (let at = 0; at < whole.length; at += 7) {
      const changed = whole.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      made.put('proof.json', changed);
      expect([at, await made.run(...PROOF)]).toEqual([at, 1]);
      expect(made.error).toMatch(/^(proof|file)\.\w+/);
    }
  });

  it('refuses the proof of another ledger, and another genesis than the trusted one', async () => {
    const made = desk();
    made.put('genesis.json', new TestLedger(4, 'PEA-CNX-02').file);
    expect(await made.run(...PROOF, '--json')).toBe(1);
    expect(made.answer).toEqual({ valid: false, code: 'proof.wrongLedger' });
    made.put('genesis.json', '{}');
    expect(await made.run(...PROOF)).toBe(1);
    expect(made.error).toContain('genesis.schema');
  });

  it('passes over what is no part of a proof only when told to, and says so', async () => {
    const made = desk();
    made.put('proof.json', made.text('proof.json').replace('{', '{"comment":"trust me",'));
    expect(await made.run(...PROOF)).toBe(1);
    expect(made.error).toContain('proof.unknownField at /comment');
    expect(await made.run(...PROOF, '--ignore-extra')).toBe(0);
    expect(made.out).toContain('not proven, ignored: comment');
  });

  it('checks a certificate from base64url, from a file of it and from a file of bytes', async () => {
    const made = desk();
    made.put('certificate.bin', CERTIFICATE);
    made.put('certificate.b64', `${toBase64Url(CERTIFICATE)}\n`);
    made.put('header.bin', encodeHeader(grown.block.header));
    const argv = ['verify', 'certificate', '--genesis', 'genesis.json'];
    for (const header of [HEADER, 'header.bin'])
      for (const certificate of [toBase64Url(CERTIFICATE), 'certificate.bin', 'certificate.b64']) {
        expect(await made.run(...argv, '--header', header, '--certificate', certificate)).toBe(0);
        expect(made.out).toContain('final: block 1');
      }
    const other = toBase64Url(encodeCertificate(second.block.certificate, 4));
    expect(await made.run(...argv, '--header', HEADER, '--certificate', other)).toBe(1);
    expect(made.error).toContain('certificate.otherBlock');
    expect(await made.run(...argv, '--header', HEADER, '--certificate', 'AAAA')).toBe(1);
    expect(made.error).toContain('certificate.truncated');
  });

  it('checks block records, one or several that follow each other', async () => {
    const made = desk();
    const argv = ['verify', 'block', '--genesis', 'genesis.json'];
    expect(
      await made.run(...argv, '--record', 'block-1.bin', '--record', 'block-2.bin', '--signatures', '--json'),
    ).toBe(0);
    expect(made.answer).toMatchObject({
      valid: true,
      fromGenesis: true,
      blocks: [
        { height: 1, outcomes: 4 },
        { height: 2, outcomes: 2 },
      ],
    });
    expect(await made.run(...argv, '--record', 'block-2.bin', '--json')).toBe(0);
    expect(made.answer).toMatchObject({ fromGenesis: false });
    expect(await made.run(...argv, '--record', 'block-2.bin', '--record', 'block-1.bin')).toBe(1);
    expect(made.error).toContain('block.wrongHeight');
    made.put('block-1.bin', grown.record.subarray(1));
    expect(await made.run(...argv, '--record', 'block-1.bin')).toBe(1);
    expect(made.error).toMatch(/^(block|header)\.\w+/);
  });

  it('fetches a proof into a file that then verifies, whatever else the gateway serves with it', async () => {
    const made = desk();
    const id = grown.operationIds[1] ?? '';
    const served = JSON.stringify({
      ...JSON.parse(made.text('proof.json')),
      checksum: undefined,
      signers: 3,
      asOf: { height: 2 },
    });
    made.handler = (path) => {
      if (path === `/v1/operations/${id}`)
        return { status: 200, body: { id, status: 'executed', height: 1, index: 2 } };
      return path === `/v1/blocks/1/proof/${id}` ? { status: 200, body: served } : undefined;
    };
    made.put('proof.json', '');
    expect(await made.run('proof', 'get', '--url', 'http://gateway', '--id', id, '--out', 'proof.json')).toBe(0);
    expect(await made.run(...PROOF)).toBe(0);
  });
});
