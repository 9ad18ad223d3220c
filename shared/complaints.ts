import type { z } from 'zod';
import type { Complaint } from './errors.ts';

/** Turns a schema's refusal into paths and reasons that a person can act on. */
export function complaintsOf(error: z.ZodError): Complaint[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: path === '' ? key : `${path}.${key}`, reason: 'unknown key' }));
    }
    // A value that may have several shapes: what each of them would have wanted.
    const shapes = issue.code === 'invalid_union' ? issue.errors.flatMap((shape) => shape.map((s) => s.message)) : [];
    const reason = shapes.length > 0 ? [...new Set(shapes)].join(', or ') : issue.message;
    return [{ path: path === '' ? '(document)' : path, reason }];
  });
}

/** "piles.1.unit: unknown key; 14:7 lines.0.baud: …" */
export function describeComplaints(complaints: readonly Complaint[]): string {
  return complaints.map((c) => `${placeOf(c)}${c.path}: ${c.reason}`).join('; ');
}

const placeOf = ({ line, column }: Complaint): string =>
  line === undefined ? '' : column === undefined ? `${line} ` : `${line}:${column} `;
