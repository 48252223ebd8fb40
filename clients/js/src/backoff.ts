/** Which ends of a connection are tried again, and how patiently: the policy of the Rust client. @module */

/**
 * How a lost connection is made again. All times are in milliseconds.
 *
 * Before attempt *n* (from 0) the client waits a random time between nothing and `first * 2^n`, at most `cap` ("full
 * jitter"). `first` is `base` when the hub is there and ended this connection, and `spread` when it goes (1001, 1012, 1013)
 * or does not take connections: others lost it as well. A connection that broke without a word (1006) after it had lived
 * for `spread` is tried at once, within a tenth of `base`.
 *
 * | the connection ended with | then |
 * | --- | --- |
 * | 1003, 1008, 1010, 4002, 4003, 4006, 4007, 4012, 4013 | stop |
 * | 4005 DUPLICATE_AUTH | the first connection: stop. A later one: again for `nameTakenWithin`: the hub may not have noticed yet that the old connection is dead |
 * | 4010 RATE_LIMITED | again, after `cap` to twice `cap` |
 * | everything else, an upgrade that is refused too | again |
 *
 * The first connection is tried once, unless `fromTheStart`.
 */
export interface Backoff {
  /** Upper end of the first wait for a hub that is there. Default: 500. */
  base: number;
  /** Upper end of the first wait for a hub that was lost, with all of its clients. Default: 8,000. */
  spread: number;
  /** Upper end of every wait. Default: 30,000. */
  cap: number;
  /** Attempts that may fail in a row. Default: any number. */
  attempts: number;
  /** Whether the first connection, too, is tried again. Default: no. */
  fromTheStart: boolean;
  /** How long the client's own name may be taken when it comes back. Default: 90,000. */
  nameTakenWithin: number;
}

const FINAL = [1003, 1008, 1010, 4002, 4003, 4006, 4007, 4012, 4013];

const LOST = [1001, 1005, 1006, 1012, 1013];

/** The attempts of a client. @internal */
export function attempts({
  base = 500,
  spread = 8_000,
  cap = 30_000,
  attempts = Infinity,
  fromTheStart,
  nameTakenWithin = 90_000,
}: Partial<Backoff> = {}) {
  let failed = 0;
  let waits = 0;
  let longest = 0;
  let takenSince: number | undefined;
  let known = false;

  /**
   * How long to wait before the next attempt, none: stop. The connection ended with `code`, `lived` ms after HELLO, if it
   * had one.
   */
  return function next(code: number, lived?: number, now = Date.now(), uniform = Math.random()): number | undefined {
    const patient = Math.max(base, spread);
    if (lived === undefined) failed++;
    else {
      known = true;
      failed = 0;
      takenSince = undefined;
    }
    if (!(known || fromTheStart) || failed >= attempts || FINAL.includes(code)) return;
    if (code === 4005) {
      takenSince ??= now;
      if (!known || now - takenSince >= nameTakenWithin) return;
    }
    if (code === 4010) return cap * (1 + uniform);
    if (lived! >= Math.max(patient, longest)) {
      waits = longest = 0;
      if (code === 1005 || code === 1006) return (base / 10) * uniform;
    }
    longest = Math.min(cap, (known && LOST.includes(code) ? patient : base) * 2 ** waits++);
    return longest * uniform;
  };
}
