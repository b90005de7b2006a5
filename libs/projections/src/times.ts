import { assert, parseInterval, parseTime, type Millis } from '@gridtokenx/kernel';

/** A block names few times and intervals, each thousands of times: parsing them all would cost half of its rows. */
export class Times {
  private readonly times = new Map<string, Millis>();
  private readonly intervals = new Map<string, Millis>();

  time(text: string): Millis {
    const time = this.times.get(text) ?? parseTime(text);
    assert(time !== undefined, 'an event of a valid block holds a time');
    this.times.set(text, time);
    return time;
  }

  interval(text: string): Millis {
    const start = this.intervals.get(text) ?? parseInterval(text);
    assert(start !== undefined, 'an event of a valid block holds a delivery interval');
    this.intervals.set(text, start);
    return start;
  }
}
