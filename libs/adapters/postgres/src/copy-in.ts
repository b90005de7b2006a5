import type pg from 'pg';

/** Runs `COPY ... FROM STDIN` with all of its data at hand, and gives the number of rows. */
export function copyIn(client: pg.ClientBase, statement: string, data: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    client.query(
      new CopyIn(statement, data, (error, rows) => {
        if (error === null) resolve(rows);
        else reject(error);
      }),
    );
  });
}

interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** What pg asks of an own kind of query; its handlers are called by name. */
class CopyIn {
  private rows = 0;
  private failure: Error | null = null;
  /** pg wraps it, to add its timeout. */
  callback: (error: Error | null) => void;

  constructor(
    private readonly text: string,
    private readonly data: Buffer,
    done: (error: Error | null, rows: number) => void,
  ) {
    this.callback = (error) => done(error, this.rows);
  }

  submit(connection: pg.Connection): void {
    connection.query(this.text);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.data);
    connection.endCopyFrom();
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.rows = Number(text.split(' ').at(-1));
  }

  /** After an error of the server the connection becomes ready again; after one of the socket it never does. */
  handleError(error: Error): void {
    this.failure = error;
    this.callback(error);
  }

  handleReadyForQuery(): void {
    if (this.failure === null) this.callback(null);
  }

  handleEmptyQuery(): void {}
}
