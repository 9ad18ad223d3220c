import type { FastifyInstance } from 'fastify';
import { type ApiDocument, type JsonSchema, type Operation, operationsOf } from '../fuzz/api-document.ts';

/** Everything that the cloud answers to, from its own documents: what is added to the API is attacked as well. */
export function everyOperation(app: FastifyInstance): Operation[] {
  const partner = app.swagger() as unknown as ApiDocument;
  return [...operationsOf('partner', partner), ...operationsOf('staff', app.describeStaffApi() as ApiDocument)];
}

/** The path with each place filled by what `fill` gives for its name. */
export const filled = (path: string, fill: (name: string) => string): string =>
  path.replaceAll(/\{([^}]+)\}/g, (_place, name: string) => encodeURIComponent(fill(name)));

export const placesOf = ({ path }: Operation): string[] =>
  [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name);

/** The fields of a body that name something, by their own names. */
export const idsInBody = ({ body }: Operation): [string, JsonSchema][] =>
  Object.entries(body?.properties ?? {}).filter(([name]) => name.endsWith('_id') && name !== 'request_id');
