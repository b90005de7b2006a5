import { codeOf } from '@gridtokenx/kernel';

/** One thing that must work. `check` gives what is worth showing, and throws when the thing does not work. */
export interface HealthProbe {
  readonly name: string;
  check(): Promise<Readonly<Record<string, unknown>>>;
}

export interface HealthCheck {
  readonly status: 'ok' | 'failing';
  readonly [detail: string]: unknown;
}

export interface HealthReport {
  readonly status: 'ok' | 'failing';
  readonly checks: Readonly<Record<string, HealthCheck>>;
}

const PROBE_TIMEOUT_MS = 2_000;

/** Asks all probes at once. One that hangs is failing: a health answer that never comes helps nobody. */
export async function checkHealth(probes: readonly HealthProbe[], timeoutMs = PROBE_TIMEOUT_MS): Promise<HealthReport> {
  const entries = await Promise.all(
    probes.map(async (probe): Promise<[string, HealthCheck]> => [probe.name, await answerOf(probe, timeoutMs)]),
  );
  const ok = entries.every(([, { status }]) => status === 'ok');
  return { status: ok ? 'ok' : 'failing', checks: Object.fromEntries(entries) };
}

async function answerOf(probe: HealthProbe, timeoutMs: number): Promise<HealthCheck> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return { ...(await Promise.race([probe.check(), late])), status: 'ok' };
  } catch (error) {
    return { status: 'failing', reason: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** The stable code where there is one; the text of other errors may name hosts and files, so it stays in the log. */
function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined) return code;
  return error instanceof Error && error.message.startsWith('no answer') ? error.message : 'failed';
}
