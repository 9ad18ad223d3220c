import { z } from 'zod';

/** Names that people give: they go into topics, file names and URLs, so their alphabet is narrow. */
const nameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,47}$/,
    'letters, digits, "-" and "_", at most 48, beginning with a letter or digit',
  );

export const siteIdSchema = nameSchema;
export const pileIdSchema = nameSchema;
/** Unique over all sites. */
export const connectorIdSchema = nameSchema;
/** What is printed on a pile for one of its connectors, unique over all sites: the connector's id, unless it has a code of its own. */
export const pileCodeSchema = nameSchema;
export const lineIdSchema = nameSchema;
export const meterIdSchema = nameSchema;
/** Ground locks and barriers. */
export const parkingDeviceIdSchema = nameSchema;
export const cardReaderIdSchema = nameSchema;
/** Boards with site inputs and trip outputs; inputs and outputs share one set of names. */
export const boardIdSchema = nameSchema;
export const siteInputIdSchema = nameSchema;
export const tripOutputIdSchema = nameSchema;
/** Within its site: a distribution board or feeder. */
export const powerNodeIdSchema = nameSchema;

/** Identities made by a machine: commands, sessions, orders, stores, boots. */
export const uuidSchema = z.uuid();

/**
 * One of them as somebody writes it, in either case (RFC 9562), in the case in which it is compared and kept. Not for what is told between edge and
 * cloud: that is stored as it came.
 */
export const givenUuidSchema = uuidSchema.toLowerCase();

/** The caller's own name for one write request; kept as given. */
export const requestIdSchema = z.string().regex(/^[\x21-\x7e]{1,64}$/, '1 to 64 visible ASCII characters');
