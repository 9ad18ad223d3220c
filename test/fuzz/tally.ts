import type { Operation } from './api-document.ts';

/** What one operation has answered. */
export interface OperationTally {
  readonly operation: string;
  readonly requests: number;
  readonly successes: number;
  /** By the code of the catalogue; what has none, by its status. */
  readonly refusals: Readonly<Record<string, number>>;
}

export const nameOf = ({ method, path }: Pick<Operation, 'method' | 'path'>): string => `${method} ${path}`;

/** Counts the answers of each operation. */
export class Tally {
  readonly #byOperation = new Map<string, { successes: number; refusals: Record<string, number> }>();
  readonly #statuses: Record<string, number> = {};

  constructor(operations: readonly Operation[]) {
    for (const operation of operations) this.#byOperation.set(nameOf(operation), { successes: 0, refusals: {} });
  }

  /** @param code of a refusal; null where it told none */
  count(operation: string, status: number, code: string | null): void {
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    const counts = this.#byOperation.get(operation);
    if (counts === undefined) return;
    if (status < 300) counts.successes += 1;
    else counts.refusals[code ?? status] = (counts.refusals[code ?? status] ?? 0) + 1;
  }

  hasSucceeded = (operation: string): boolean => (this.#byOperation.get(operation)?.successes ?? 0) > 0;

  get statuses(): Readonly<Record<string, number>> {
    return this.#statuses;
  }

  rows(): OperationTally[] {
    return [...this.#byOperation].map(([operation, { successes, refusals }]) => {
      const refused = Object.values(refusals).reduce((sum, count) => sum + count, 0);
      return { operation, requests: successes + refused, successes, refusals };
    });
  }
}

/** One line for each operation: requests, successes, refusals by code, the most frequent first. */
export function tableOf(rows: readonly OperationTally[]): string {
  const width = Math.max(...rows.map(({ operation }) => operation.length));
  return rows
    .map(({ operation, requests, successes, refusals }) => {
      const codes = Object.entries(refusals).sort(([, a], [, b]) => b - a);
      const told = codes.map(([code, count]) => `${code} ${count}`).join(', ');
      return `${operation.padEnd(width)} ${String(requests).padStart(6)} ${String(successes).padStart(6)}  ${told}`;
    })
    .join('\n');
}
