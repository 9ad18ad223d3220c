import { join } from 'node:path';
import { z } from 'zod';
import { ruleSetSchema } from './rule-set.ts';

/** The file by which editors help with rules. */
export const rulesJsonSchemaFile = join(import.meta.dirname, 'rules.schema.json');

/** The JSON schema of a rule set as a person writes it. What must fit together is left to `pilectl rules check`. */
export function rulesJsonSchema(): object {
  return z.toJSONSchema(ruleSetSchema, { io: 'input', reused: 'ref' });
}
