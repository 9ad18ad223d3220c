import { join } from 'node:path';
import { z } from 'zod';
import { profileFileSchema } from '../load-profiles.ts';

/** The file by which editors help with profiles. */
export const profileJsonSchemaFile = join(import.meta.dirname, '..', 'profile.schema.json');

/** The JSON schema of a profile as a person writes it: what has a default may be left out. */
export function profileJsonSchema(): object {
  return z.toJSONSchema(profileFileSchema, { io: 'input' });
}
