import { GridClient, Keypair, Signer, type OperationView, type SignedEnvelope } from '@gridtokenx/client';
import type { Crypto } from '@gridtokenx/crypto';
import type { Operation } from '@gridtokenx/protocol';
import type { KeyFile } from '@gridtokenx/keystore';

/** Envelopes that an earlier life sent may still be under way: new ones start above any of them. */
const SEQUENCES_LEFT_OUT = 1_000;

/** A ledger, and whose keys sign on it. */
export interface KeyedLedger {
  readonly identity: { readonly ledgerId: string };
  key(member: string): Promise<KeyFile>;
}

/** The organisations, or the people of a public ledger, as clients of the gateway: each with its own key and count of sequences. */
export class Members {
  private readonly signers = new Map<string, Promise<Signer>>();

  constructor(
    private readonly ledger: KeyedLedger,
    readonly client: GridClient,
    private readonly crypto: Crypto,
    /** Told what the gateway has acknowledged: from then on it may not be lost. */
    private readonly acknowledged: (operationIds: readonly string[]) => void = () => {},
  ) {}

  private signer(organisation: string): Promise<Signer> {
    let signer = this.signers.get(organisation);
    if (signer === undefined) this.signers.set(organisation, (signer = this.open(organisation)));
    return signer;
  }

  private async open(organisation: string): Promise<Signer> {
    const keypair = Keypair.fromSeed((await this.ledger.key(organisation)).seed, this.crypto);
    const nextSequence = (await this.client.nextSequence(keypair.kid)) + SEQUENCES_LEFT_OUT;
    return new Signer(keypair, this.ledger.identity.ledgerId, { crypto: this.crypto, nextSequence });
  }

  /** Signs and sends; resolves when the envelope is durable on the bus. */
  async send(organisation: string, operations: readonly Operation[], atomic = false): Promise<SignedEnvelope> {
    const envelope = (await this.signer(organisation)).sign(operations, { atomic });
    await this.client.submit(envelope);
    this.acknowledged(envelope.operationIds);
    return envelope;
  }

  /** Sends and waits until each operation is decided; throws on the first that was not executed. */
  async carryOut(organisation: string, operations: readonly Operation[]): Promise<OperationView[]> {
    const { operationIds } = await this.send(organisation, operations);
    const views: OperationView[] = [];
    for (const [at, id] of operationIds.entries()) {
      const view = await this.client.follow(id, { timeoutMs: 60_000 });
      if (view.status !== 'executed')
        throw new Error(`${organisation}: ${operations[at]?.type} was ${view.status} (${view.code ?? 'no code'})`);
      views.push(view);
    }
    return views;
  }
}
