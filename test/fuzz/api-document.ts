/** As much of JSON Schema 2020-12 as the API's documents use. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

interface DescribedOperation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}

export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> };
}

/** Who is let in: by what the document says of its security. */
export type Door = 'partner' | 'staff' | 'applicant' | 'open';

/** One thing that can be asked for, and all that its document says about it. */
export interface Operation {
  /** Which document it is in. */
  readonly api: string;
  readonly method: string;
  /** With `{name}` for each place. */
  readonly path: string;
  readonly door: Door;
  /** Of keys of partners: one of these is needed. */
  readonly scopes: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly body: JsonSchema | null;
  readonly responses: Readonly<Record<string, Content>>;
}

const doorOf = ({ security = [] }: DescribedOperation): Door => {
  const [names = {}] = security;
  if ('signature' in names) return 'partner';
  if ('session' in names) return 'staff';
  return 'applicant' in names ? 'applicant' : 'open';
};

export function operationsOf(api: string, document: ApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      api,
      method: method.toUpperCase(),
      path,
      door: doorOf(described),
      scopes: (described.security ?? []).flatMap(({ key }) => (Array.isArray(key) ? key.map(String) : [])),
      parameters: described.parameters ?? [],
      body: described.requestBody?.content?.['application/json']?.schema ?? null,
      responses: described.responses,
    })),
  );
}

/** Where the schema of an answer is in its document, as a JSON Pointer. */
export const pointerToAnswer = ({ path, method }: Operation, status: string, mediaType: string): string =>
  ['paths', path, method.toLowerCase(), 'responses', status, 'content', mediaType, 'schema'].map(pointed).join('/');

export const pointerToBody = ({ path, method }: Operation): string =>
  ['paths', path, method.toLowerCase(), 'requestBody', 'content', 'application/json', 'schema'].map(pointed).join('/');

/** A part of a JSON Pointer in a URI fragment. */
const pointed = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
