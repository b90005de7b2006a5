/** What the patch needs of `RequestQueue` in kafkajs 2.2.4, src/network/requestQueue/index.js. */
export interface RequestQueueClass {
  readonly prototype: {
    pending: readonly unknown[];
    scheduleCheckPendingRequests(): void;
  };
}

/**
 * kafkajs 2.2.4 sets a timer whenever a response has come, to look at the requests that wait for a throttle to end. With
 * no throttle it computes the delay as `-1 - now`, which Node makes 1 ms, and the timer's callback sets the next one:
 * some 900 timers a second for each idle connection, for ever (tulios/kafkajs issue 1751).
 *
 * The check matters only while a request is waiting, and `push` schedules it whenever one has to wait. So: nothing
 * waiting, no timer. With requests waiting kafkajs goes on as before.
 */
export function stopIdleTimers(requestQueue: RequestQueueClass): void {
  const { prototype } = requestQueue;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}
