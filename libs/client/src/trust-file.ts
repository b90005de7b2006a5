import { noble, type Crypto, type Hash, type PublicKey } from '@gridtokenx/crypto';
import {
  formatTime,
  fromBase64Url,
  fromHex,
  millis,
  parseStrictJson,
  parseTime,
  toBase64Url,
  toHex,
} from '@gridtokenx/kernel';
import { epochOf, validatorSet, type ChainRules, type TrustedState } from '@gridtokenx/chain';
import { isRecord } from './problem.js';

/** `trust.file`: not a file of trusted states; `trust.otherLedger`: one of another ledger. */
export class TrustFileError extends Error {
  constructor(
    readonly code: 'trust.file' | 'trust.otherLedger',
    reason: string,
  ) {
    super(reason);
    this.name = 'TrustFileError';
  }
}

const FIELDS = 'hash,height,nextValidators,time';

/** The trusted states of a light client as text, lowest first: whoever keeps it goes on from there. */
export const encodeTrust = ({ ledgerId }: ChainRules, states: readonly TrustedState[]): string =>
  `${JSON.stringify(
    {
      version: 1,
      ledgerId,
      states: states.map(({ height, hash, time, nextValidators }) => ({
        height,
        hash: toHex(hash),
        time: formatTime(millis(time)),
        nextValidators: nextValidators.keys.map(toBase64Url),
      })),
    },
    undefined,
    1,
  )}\n`;

/** Strict reverse. Throws {@link TrustFileError} or JsonError. */
export function decodeTrust(rules: ChainRules, text: string, crypto: Crypto = noble): TrustedState[] {
  const file = parseStrictJson(text);
  if (!isRecord(file) || file['version'] !== 1 || Object.keys(file).length !== 3)
    throw malformed('a trust file of version 1');
  if (file['ledgerId'] !== rules.ledgerId)
    throw new TrustFileError('trust.otherLedger', `it is of another ledger than ${rules.ledgerId}`);
  const { states } = file;
  if (!Array.isArray(states) || states.length === 0) throw malformed('a list of states');
  const read = states.map((state: unknown) => stateFrom(crypto, rules, state));
  if (read.some(({ height }, i) => i > 0 && height <= (read[i - 1]?.height ?? 0)))
    throw malformed('the lowest state first');
  return read;
}

function stateFrom(crypto: Crypto, { epochBlocks }: ChainRules, state: unknown): TrustedState {
  if (!isRecord(state) || Object.keys(state).sort().join() !== FIELDS) throw malformed(`states of ${FIELDS}`);
  const { height, hash, time, nextValidators } = state;
  const hashBytes = typeof hash === 'string' ? fromHex(hash) : undefined;
  const timeMs = typeof time === 'string' ? parseTime(time) : undefined;
  const keys = Array.isArray(nextValidators) ? nextValidators.map(keyFrom) : [];
  if (typeof height !== 'number' || height < 0 || hashBytes?.length !== 32 || timeMs === undefined)
    throw malformed('a height, a hash and a time');
  if (keys.length === 0 || new Set(keys.map(toHex)).size !== keys.length) throw malformed('validators, each once');
  return {
    height,
    hash: hashBytes as Hash,
    time: timeMs,
    nextValidators: validatorSet(crypto, epochOf(height + 1, epochBlocks), keys),
  };
}

function keyFrom(kid: unknown): PublicKey {
  const key = typeof kid === 'string' ? fromBase64Url(kid) : undefined;
  if (key?.length !== 32) throw malformed('keys of 32 bytes in base64url');
  return key as PublicKey;
}

const malformed = (needed: string): TrustFileError => new TrustFileError('trust.file', `${needed} is needed`);
