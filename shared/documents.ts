import { z } from 'zod';

/**
 * What a site is told by documents: `site`, its configuration; `tariffs`, which prices hold where and when; `access`, who may
 * charge without the cloud.
 */
export const documentKinds = ['site', 'tariffs', 'access'] as const;
export const documentKindSchema = z.enum(documentKinds);
export type DocumentKind = z.infer<typeof documentKindSchema>;

/** By which way a version came: a file on the site's controller, a technician's hand, or a push of the cloud. */
export const documentSourceSchema = z.enum(['file', 'pilectl', 'cloud']);
export type DocumentSource = z.infer<typeof documentSourceSchema>;

/** SHA-256 of the document's bytes in UTF-8, in hex. */
export const documentDigestSchema = z.string().regex(/^[0-9a-f]{64}$/, '64 hex digits in lower case');

/** Versions of one kind at one site only rise, and one never changes. */
export const documentVersionSchema = z.int().positive();

/** Of the text in UTF-8. */
export const MAX_DOCUMENT_BYTES = 524_288;

/**
 * What became of a version. `active`: in force, and good. `waiting`: taken, and not in force yet. `refused`: not taken.
 * `rolled-back`: it was in force, or was to be, and is not to come into force again by itself.
 */
export const documentStatusSchema = z.enum(['active', 'waiting', 'refused', 'rolled-back']);
export type DocumentStatus = z.infer<typeof documentStatusSchema>;

/** Where in a document something is wrong; line and column count from 1. */
export const documentComplaintSchema = z.object({
  path: z.string().max(300),
  reason: z.string().max(500),
  line: z.int().positive().optional(),
  column: z.int().positive().optional(),
});
/** Of more complaints the first are told. */
export const MAX_TOLD_COMPLAINTS = 20;
