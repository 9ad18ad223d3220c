import type { z } from 'zod';

/** An HTTP answer with a JSON body (none for 204). */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** A refusal `{ code, message }`. */
export function refusal(status: number, code: string, message: string): Answer {
  return { status, body: { code, message } };
}

/** Nothing is known under that name. */
export function notFound(what: string): Answer {
  return refusal(404, 'not-found', `there is no ${what}`);
}

/** Parses a body and hands it on, or answers 400 with the path of each problem. */
export function withBody<T, A extends Answer | Promise<Answer>>(
  schema: z.ZodType<T>,
  body: unknown,
  use: (value: T) => A,
): A | Answer {
  const parsed = schema.safeParse(body);
  if (parsed.success) return use(parsed.data);
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  return refusal(400, 'bad-input', problems.join('; '));
}
