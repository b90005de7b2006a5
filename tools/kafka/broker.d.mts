export interface Broker {
  /** The address for clients, `host:port`; it stays the same over restarts. */
  readonly brokers: string;
  /** Ends the broker in order; the data stay in its folder. */
  stop(): Promise<void>;
  /** Ends the broker, if it runs, and starts it again on the same address and data. */
  restart(): Promise<void>;
  /** Ends the broker as a power cut would. */
  kill(): Promise<void>;
}

export interface BrokerOptions {
  /** Where the broker keeps its data, its configuration and `broker.log`; made when missing. */
  folder: string;
  /** A free one when left out. */
  port?: number;
}

/** Starts a real Kafka broker of its own and waits until it answers. The jars are those of `resolveJars`, or of `KAFKA_LIBS`. */
export function startBroker(options: BrokerOptions): Promise<Broker>;

/** Resolves the broker's jars with Maven, once; returns their folder. */
export function resolveJars(): string;

/** Why no broker can run here (no Java 17+, no Maven), or undefined when one can. */
export function whyNoBroker(): string | undefined;
