import { randomBytes as bytesFromSystem, randomInt, randomUUID } from 'node:crypto';

export type RandomBytes = (count: number) => Buffer;

/** Randomness as an argument, so that a run can be repeated from its seed. */
export interface Random {
  bytes: RandomBytes;
  uuid(): string;
  /** From 0 inclusive to 1 exclusive. For jitter, never for secrets. */
  fraction(): number;
}

/** Randomness from the operating system. */
export const systemRandom: Random = {
  bytes: (count) => bytesFromSystem(count),
  uuid: () => randomUUID(),
  fraction: () => randomInt(2 ** 32) / 2 ** 32,
};
