/**
 * One question on a line, and how its answer is recognised. Protocols differ in this only; the line that carries them
 * knows nothing of registers or addresses.
 */
export interface Exchange<Answer> {
  /** The bytes of the question. Called once, when the line is free for it; what is fed afterwards may be its answer. */
  begin(): Uint8Array;
  /** Takes received bytes as they come, in any pieces. */
  feed(bytes: Uint8Array): Verdict<Answer>;
}

/**
 * `more`: not complete yet. `answer`: the complete answer. `refused`: the device understood and says no; `code` is its
 * protocol's code. `next`: understood, and there is one more question to the same device before the answer is known.
 * `broken`: what came is not the answer to this question. `lost`: what comes cannot be cut into messages any more; only a
 * new connection has a beginning again.
 */
export type Verdict<Answer> =
  | { readonly kind: 'more' }
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'next'; readonly send: Uint8Array }
  | { readonly kind: 'refused'; readonly code: number; readonly detail: string }
  | { readonly kind: 'broken'; readonly reason: 'crc' | 'mismatch'; readonly detail: string }
  | { readonly kind: 'lost'; readonly detail: string };

export const MORE: Verdict<never> = { kind: 'more' };

/** Who goes first when several wait: a stop, other commands, the feeding of watchdogs, then polls. */
export const queueClasses = ['stop', 'command', 'keep-alive', 'poll'] as const;
export type QueueClass = (typeof queueClasses)[number];

/** An urgent poll waits among the polls, but is asked also of a device that does not answer: somebody has to know. */
export type Priority = QueueClass | 'urgent-poll';
export const classOf = (priority: Priority): QueueClass => (priority === 'urgent-poll' ? 'poll' : priority);

/** What one device asks of its master. */
export interface DeviceTiming {
  /** Idle time the device needs between two requests. */
  readonly gapMs: number;
  /** The longest time an answer is waited for; waiting adapts to the device below this. */
  readonly responseTimeoutMs: number;
  /** No answer comes later than this after its question; until then the line stays silent after a timeout. */
  readonly slowestReplyMs: number;
}

/** A question for one device of a line. */
export interface LineJob<Answer> {
  /** The device's name on its line: a Modbus unit, or a protocol and an address. Health and counters are kept by it. */
  readonly device: string;
  readonly priority: Priority;
  readonly timing: DeviceTiming;
  readonly exchange: Exchange<Answer>;
  /** Bytes of the complete answer when all goes well: with those of the question, the time on a serial line. */
  readonly answerBytes: number;
  /** Asked once more when its turn has come: what has been overtaken by a stop must not go out after it. */
  readonly isSuperseded?: () => boolean;
  /** What is answered is about a person: it is kept out of logs and recordings. */
  readonly isPrivate?: boolean;
}

/** What users of a line see of it. */
export interface LinePort {
  /**
   * Asks when its turn comes.
   *
   * @throws LineError
   */
  ask<Answer>(job: LineJob<Answer>): Promise<Answer>;
}
