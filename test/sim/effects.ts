import { cancelSchema, commandSchema } from '#shared/wire/messages.ts';
import { parseDownTopic } from '#shared/wire/topics.ts';
import type { Box } from './box.ts';
import type { Scheduler } from './scheduler.ts';
import type { Violations } from './violations.ts';

/**
 * How wrong a clock may be that the edge trusts: it takes the middle between question and answer, which may lie 20 s apart, and
 * a second more counts as agreed.
 */
const CLOCK_TOLERANCE_MS = 12_000;
/** From one thread to the other, and down the line to the pile: so long a write may be under way already. */
const UNDER_WAY_MS = 500;

/** What commands may do: each at most once, and nothing after its expiry or its cancel. Looked at when a pile is told to deliver. */
export class Effects {
  readonly #scheduler: Scheduler;
  readonly #violations: Violations;
  readonly #expiresAtMs = new Map<string, number>();
  readonly #sessions = new Map<string, string>();
  readonly #cancelledMs = new Map<string, number>();
  readonly #begun = new Set<string>();
  readonly said = { commands: 0, cancels: 0, starts: 0 };

  constructor(scheduler: Scheduler, violations: Violations) {
    this.#scheduler = scheduler;
    this.#violations = violations;
  }

  hear(topic: string, payload: string): void {
    const kind = parseDownTopic(topic)?.kind;
    if (kind === 'cancel') this.said.cancels += 1;
    if (kind !== 'command') return;
    this.said.commands += 1;
    const command = commandSchema.parse(JSON.parse(payload));
    if ('expiresAtMs' in command) this.#expiresAtMs.set(command.commandId, command.expiresAtMs);
  }

  /** A cancel that the edge has on disk counts from then on. */
  taken(box: Box, topic: string, payload: Uint8Array): void {
    if (parseDownTopic(topic)?.kind !== 'cancel') return;
    const { commandId } = cancelSchema.parse(JSON.parse(Buffer.from(payload).toString()));
    const [inbox] = box.ask(`SELECT is_cancelled FROM inbox WHERE command_id = ?`, commandId);
    if (inbox?.is_cancelled === 1 && !this.#cancelledMs.has(commandId))
      this.#cancelledMs.set(commandId, this.#scheduler.nowMs);
  }

  starts(box: Box, sessionId: string, commandId: string | null): void {
    const isFirst = !this.#begun.has(sessionId);
    this.#begun.add(sessionId);
    this.said.starts += 1;
    if (commandId === null) return;
    const before = this.#sessions.get(commandId) ?? sessionId;
    this.#sessions.set(commandId, sessionId);
    this.#violations.check(
      before === sessionId,
      'a command has at most one effect',
      () => `${box.siteId}: command ${commandId} has begun the sessions ${before} and ${sessionId}`,
    );
    const lateMs = this.#scheduler.nowMs - (this.#expiresAtMs.get(commandId) ?? Number.POSITIVE_INFINITY);
    this.#violations.check(
      !isFirst || lateMs <= CLOCK_TOLERANCE_MS,
      'a command has no effect after its expiry',
      () => `${box.siteId}: command ${commandId} begins a charge ${lateMs} ms after its expiry`,
    );
    const [inbox] = box.ask(`SELECT status FROM inbox WHERE command_id = ?`, commandId);
    this.#violations.check(
      inbox !== undefined,
      'a start has no effect before it is on disk',
      () => `${box.siteId}: command ${commandId} delivers`,
    );
    const cancelledMsAgo = this.#scheduler.nowMs - (this.#cancelledMs.get(commandId) ?? this.#scheduler.nowMs);
    this.#violations.check(
      cancelledMsAgo <= UNDER_WAY_MS,
      'a command has no effect after its cancel',
      () => `${box.siteId}: command ${commandId} delivers ${cancelledMsAgo} ms after its cancel was taken`,
    );
  }
}
