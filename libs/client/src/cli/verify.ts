import { decodeBlock, decodeHeader, epochOf, HEADER_BYTES, type Header } from '@gridtokenx/chain';
import { noble, ZERO_HASH } from '@gridtokenx/crypto';
import { DecodeError, formatTime, fromBase64Url, fromUtf8, millis } from '@gridtokenx/kernel';
import { genesisAnchor, headerAnchorWithOfferedGenesis, type Anchor, type GenesisAnchor, type Tip } from '../anchor.js';
import { verifyRecord, type VerifiedBlock } from '../follower.js';
import type { LightClient } from '../light-client.js';
import { decodeProofJson, readCertificate, type DecodedProof } from '../proof-json.js';
import { verifyCertificate, verifyOutcome } from '../verify.js';
import { CliError, EXIT, usage, type Command, type Context, type Option } from './command.js';
import { anchorOf, genesisOption, readBytes, readText, refuse } from './shared.js';
import { keepTrust, lightClientOf, trustOptions } from './trust.js';

const anchorOptions: Readonly<Record<string, Option>> = {
  genesis: { ...genesisOption, about: 'what you trust: your copy of the genesis file' },
  'header-hash': { value: 'HEX', about: 'or the hash of the one header that you trust' },
  'offered-genesis': {
    value: 'FILE',
    about: 'with --header-hash: a genesis file from anyone; its keys count only if the trusted header names them',
  },
};

function userAnchor(context: Context): Anchor {
  const genesis = context.get('genesis');
  const hash = context.get('header-hash');
  if ((genesis === undefined) === (hash === undefined)) throw usage('give either --genesis or --header-hash');
  if (genesis !== undefined) return genesisAnchor(readBytes(context, genesis));
  const offered = context.get('offered-genesis');
  if (offered === undefined)
    throw usage('--header-hash needs --offered-genesis', 'a header names its validators only by hash');
  try {
    return headerAnchorWithOfferedGenesis(hash ?? '', readBytes(context, offered));
  } catch (error) {
    if (error instanceof TypeError) throw usage(error.message);
    throw error;
  }
}

/** Of any epoch: what the proof needs is fetched and checked, and what is trusted then is kept. */
async function verifyWithTrust(context: Context, proof: DecodedProof): ReturnType<LightClient['verify']> {
  const client = await lightClientOf(context);
  const verified = await client.verify(proof);
  keepTrust(context, client);
  return verified;
}

export const verifyProof: Command = {
  name: 'verify proof',
  about: 'check an inclusion proof against what you trust: offline, or of any epoch with --trust',
  options: {
    ...anchorOptions,
    file: { value: 'FILE', about: 'the proof, from `proof get` or as the gateway serves it', required: true },
    'ignore-extra': { about: 'pass over fields that are no part of the proof, instead of refusing the file' },
    ...trustOptions,
  },
  examples: [
    'verify proof --genesis genesis.json --file proof.json',
    'verify proof --genesis genesis.json --trust trust.json --url http://127.0.0.1:8080 --file proof.json',
    'verify proof --header-hash <64 hex digits> --offered-genesis genesis.json --file proof.json',
  ],
  run: async (context) => {
    const isOnline = context.get('trust') !== undefined;
    if (!isOnline && (context.get('url') ?? context.get('told')) !== undefined)
      throw usage('--url and --told go with --trust');
    if (isOnline && context.get('header-hash') !== undefined) throw usage('--trust goes with --genesis');
    const anchor = isOnline ? undefined : userAnchor(context);
    const extraFields = context.flag('ignore-extra') ? 'ignore' : 'refuse';
    const proof = decodeProofJson(readText(context, context.need('file')), { extraFields });
    const verified = anchor === undefined ? await verifyWithTrust(context, proof) : verifyOutcome(anchor, proof);
    if (!verified.valid) return refuse(context, verified.code, 'the proof does not show this outcome');
    const { operationId, outcome, height, time, signers, validators, ledgerId, blockHash } = verified;
    const lines = [
      `proven: operation ${operationId} was ${outcome.status}${outcome.status === 'rejected' ? ` (${outcome.code})` : ''}`,
      `  in block ${height} (${blockHash}) of ${ledgerId}, at ${formatTime(millis(time))}`,
      `  signed by ${signers} of ${validators} validators`,
      ...(outcome.status === 'executed' ? outcome.events.map((event) => `  ${JSON.stringify(event)}`) : []),
      ...(proof.extra.length === 0 ? [] : [`  not proven, ignored: ${proof.extra.join(', ')}`]),
    ];
    context.say(lines.join('\n'), { ...verified, ignored: proof.extra });
    return EXIT.ok;
  },
};

/** An argument that is a file of bytes, a file of base64url, or base64url itself. */
function bytesOf(context: Context, name: string, isRaw: (bytes: Uint8Array) => boolean): Uint8Array {
  const given = context.need(name);
  if (!context.io.files.exists(given)) {
    const bytes = fromBase64Url(given);
    if (bytes === undefined) throw usage(`--${name}: '${given}' is neither a file nor base64url`);
    return bytes;
  }
  const content = readBytes(context, given);
  const text = fromUtf8(content);
  const decoded = text === undefined || isRaw(content) ? undefined : fromBase64Url(text.trim());
  return decoded ?? content;
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw new CliError(error.code, error.message);
    throw error;
  }
}

export const verifyCertificateCommand: Command = {
  name: 'verify certificate',
  about: 'check offline that a quorum of the validators made a block final',
  options: {
    ...anchorOptions,
    header: { value: 'FILE|B64', about: 'the block header: bytes or base64url', required: true },
    certificate: { value: 'FILE|B64', about: 'its commit certificate: bytes or base64url', required: true },
  },
  examples: ['verify certificate --genesis genesis.json --header header.b64 --certificate certificate.b64'],
  run: async (context) => {
    const anchor = userAnchor(context);
    const header = decoded(() => decodeHeader(bytesOf(context, 'header', (bytes) => bytes.length === HEADER_BYTES)));
    // A certificate begins with its epoch, so raw bytes begin with a zero, which base64url never holds.
    const { certificate, setSize } = decoded(() =>
      readCertificate(bytesOf(context, 'certificate', (bytes) => bytes[0] === 0)),
    );
    const verified = verifyCertificate(anchor, header, certificate, { setSize });
    if (!verified.valid) return refuse(context, verified.code, 'no quorum made this block final');
    const { height, blockHash, ledgerId, signers, validators } = verified;
    context.say(
      `final: block ${height} (${blockHash}) of ${ledgerId}, signed by ${signers} of ${validators} validators`,
      { ...verified },
    );
    return EXIT.ok;
  },
};

/** What a record says of its own parent, for want of the parent: a certificate vouches for it, not we. */
const tipBelow = ({ set, rules: { epochBlocks } }: GenesisAnchor, header: Header): Tip => ({
  height: header.height - 1,
  hash: header.parentHash,
  certificateHash: ZERO_HASH,
  time: header.time - 1,
  certifiedBy: { ...set, epoch: epochOf(header.height - 1, epochBlocks) },
  validators: { ...set, epoch: epochOf(header.height, epochBlocks) },
});

export const verifyBlock: Command = {
  name: 'verify block',
  about: 'check block records offline: certificate, operations, outcomes, and that they follow each other',
  options: {
    genesis: { ...genesisOption, required: true },
    record: {
      value: 'FILE',
      about: 'a record as /v1/blocks/{height}/record serves it; again for the next one',
      required: true,
      many: true,
    },
    signatures: { about: 'check the signature of every envelope too' },
  },
  examples: [
    'verify block --genesis genesis.json --record block-1.bin --record block-2.bin',
    'verify block --genesis genesis.json --record block-1.bin --signatures --json',
  ],
  run: async (context) => {
    const anchor = anchorOf(context);
    const options = { crypto: noble, checkSignatures: context.flag('signatures') };
    const verified: VerifiedBlock[] = [];
    let tip: Tip | undefined;
    for (const path of context.all('record')) {
      const record = readBytes(context, path);
      if (tip === undefined) {
        const { header } = decoded(() => decodeBlock(record));
        tip = header.height === 1 ? anchor.tip : tipBelow(anchor, header);
      }
      const result = verifyRecord(anchor.rules, tip, record, options);
      if (!result.valid)
        return refuse(context, result.code, `${path} is not the valid block of height ${tip.height + 1}`, {
          record: path,
        });
      verified.push(result);
      tip = result.tip;
    }
    const blocks = verified.map(({ height, hash, signers, validators, results }) => ({
      height,
      hash,
      signers,
      validators,
      outcomes: results.length,
    }));
    const lines = blocks.map(
      ({ height, hash, signers, validators, outcomes }) =>
        `valid: block ${height} (${hash}), ${signers} of ${validators} signers, ${outcomes} outcomes`,
    );
    context.say(lines.join('\n'), {
      valid: true,
      ledgerId: anchor.ledgerId,
      fromGenesis: blocks[0]?.height === 1,
      blocks,
    });
    return EXIT.ok;
  },
};
