interface ApiDocument {
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/** The names of schemas that a part of a document refers to. */
const namesIn = (part: unknown): string[] =>
  [...JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name);

/**
 * The document with those of its schemas that it refers to. All that have a name are known to one registry, and each reader is to be
 * told of what concerns it: partners have no business with the shapes of the staff's side.
 */
export function withUsedSchemas<Document extends object>(document: Document): Document {
  const { components } = document as ApiDocument;
  const schemas = components?.schemas ?? {};
  const used = new Set<string>();
  const waiting = namesIn({ ...document, components: {} });
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (used.has(name) || schemas[name] === undefined) continue;
    used.add(name);
    waiting.push(...namesIn(schemas[name]));
  }
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...document, components: { ...components, schemas: kept } };
}
