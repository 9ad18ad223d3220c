import { join } from 'node:path';
import { z } from 'zod';
import { siteShapeSchema } from './site.ts';
import { siteDescriptions } from './site-descriptions.ts';

/** The file by which editors help with a site's file. */
export const siteJsonSchemaFile = join(import.meta.dirname, 'site.schema.json');

type JsonSchema = Record<string, unknown>;

/**
 * The JSON schema of a site's file as a person writes it, with a description of every key. What must fit together is left to
 * `pilectl plan`.
 */
export function siteJsonSchema(): object {
  const schema = z.toJSONSchema(siteShapeSchema, { io: 'input' }) as JsonSchema;
  for (const { path, schema: key } of keysOf(schema, '')) {
    const description = siteDescriptions[path];
    if (description !== undefined) key.description = description;
  }
  return schema;
}

/** Every key of a document, by its path without the numbers of lists: "lines.frameLog.maxMb". */
export function* keysOf(schema: JsonSchema, path: string): Generator<{ path: string; schema: JsonSchema }> {
  for (const shape of [...listOf(schema.anyOf), ...listOf(schema.oneOf), ...listOf([schema.items])])
    yield* keysOf(shape, path);
  if (!isSchema(schema.properties)) return;
  for (const [key, member] of Object.entries(schema.properties)) {
    if (!isSchema(member)) continue;
    const own = path === '' ? key : `${path}.${key}`;
    yield { path: own, schema: member };
    yield* keysOf(member, own);
  }
}

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null;
const listOf = (value: unknown): JsonSchema[] => (Array.isArray(value) ? value.filter(isSchema) : []);
