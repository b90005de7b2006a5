import {
  certificateHashOf,
  checkpointTold,
  commitSignBytes,
  encodeCertificate,
  encodeHeader,
  epochOf,
  headerHash,
  validatorSet,
  type Certificate,
  type Header,
  type ValidatorSet,
} from '@gridtokenx/chain';
import { ZERO_HASH, type Hash, type PublicKey } from '@gridtokenx/crypto';
import { native } from '@gridtokenx/crypto-native';
import { formatTime, height as asHeight, millis, toBase64Url, toHex, utf8 } from '@gridtokenx/kernel';
import type { OperationOf, PublicGenesis } from '@gridtokenx/protocol';

const hashOf = (text: string): Hash => native.sha256(utf8(text));
const seedOf = (i: number): Uint8Array => native.sha256(utf8(`consortium validator ${i}`));
const keyOfSeed = Array.from({ length: 42 }, (_, i) => native.publicKeyOf(seedOf(i)));
const seedByKey = new Map(keyOfSeed.map((key, i) => [toHex(key), seedOf(i)]));

export interface Variant {
  readonly ledgerId?: string;
  /** How many sign, the first of the set. */
  readonly signers?: number;
  readonly header?: Partial<Header>;
  readonly resultsRoot?: Hash;
}

/** A consortium of 21 validators of which some change with each epoch: headers and certificates, as they would be anchored. */
export class AnchoredChain {
  readonly ledgerId = 'gridtokenx-consortium-0a0b0c0d';
  readonly genesisHash = hashOf('genesis of the consortium');
  private readonly headers: Header[] = [];

  /** With each epoch, the first `changes` of the set leave and as many others come. */
  constructor(
    private readonly startMs: number,
    private readonly changes = 7,
    readonly epochBlocks = 10,
  ) {}

  get genesis(): NonNullable<PublicGenesis['consortium']> {
    return {
      ledgerId: this.ledgerId,
      genesisHash: toHex(this.genesisHash),
      time: formatTime(millis(this.startMs)),
      epochBlocks: this.epochBlocks,
      validators: this.kids(1),
    };
  }

  setAt(height: number): ValidatorSet {
    const epoch = epochOf(height, this.epochBlocks);
    const members = Array.from({ length: 21 }, (_, i) => keyOfSeed[(i + epoch * this.changes) % 42] as PublicKey);
    return validatorSet(native, epoch, members);
  }

  kids(height: number): string[] {
    return this.setAt(height).keys.map(toBase64Url);
  }

  headerAt(height: number): Header {
    for (let next = this.headers.length + 1; next <= height; next++) this.headers.push(this.headerOn(next, {}));
    return this.headers[height - 1] as Header;
  }

  private headerOn(height: number, changed: Partial<Header>): Header {
    const set = this.setAt(height);
    const parent = height === 1 ? undefined : this.headerAt(height - 1);
    return {
      version: 1,
      ledgerId: this.ledgerId,
      epoch: set.epoch,
      height: asHeight(height),
      proposer: 0,
      parentHash: parent === undefined ? this.genesisHash : headerHash(native, parent),
      parentCertificateHash:
        parent === undefined ? ZERO_HASH : certificateHashOf(native, this.certify(parent), set.keys.length),
      time: millis(this.startMs + height * 1_000),
      operationsRoot: hashOf(`operations ${height}`),
      validatorsHash: set.hash,
      nextValidatorsHash: this.setAt(height + 1).hash,
      checkpointRoot: checkpointTold(height) === undefined ? ZERO_HASH : hashOf(`checkpoint ${height}`),
      ...changed,
    };
  }

  private certify(header: Header, { signers = 14, resultsRoot = hashOf('results') }: Variant = {}): Certificate {
    const { epoch, height, ledgerId } = header;
    const { keys } = this.setAt(height);
    const blockHash = headerHash(native, header);
    const certificate = {
      epoch,
      height,
      round: 0,
      blockHash,
      resultsRoot,
      stateDigest: hashOf('state'),
      signatures: [],
    };
    const bytes = commitSignBytes(ledgerId, certificate);
    return {
      ...certificate,
      signatures: keys.slice(0, signers).map((key, validator) => ({
        validator,
        signature: native.sign(bytes, seedByKey.get(toHex(key)) ?? new Uint8Array(32)),
      })),
    };
  }

  /** The operation that anchors the block of a height, or of one that never was. */
  anchor(
    height: number,
    variant: Variant & { keys?: 'none' | 'next' | 'both' } = {},
  ): OperationOf<'transparency.anchor'> {
    const { keys = 'next', header: changed = {}, ledgerId } = variant;
    const header =
      variant.header === undefined && ledgerId === undefined
        ? this.headerAt(height)
        : this.headerOn(height, { ...changed, ...(ledgerId === undefined ? {} : { ledgerId }) });
    const certificate = encodeCertificate(this.certify(header, variant), 21);
    return {
      type: 'transparency.anchor',
      header: toHex(encodeHeader(header)),
      certificate: toHex(certificate),
      ...(keys === 'both' ? { validators: this.kids(height) } : {}),
      ...(keys === 'none' ? {} : { nextValidators: this.kids(height + 1) }),
    };
  }
}
