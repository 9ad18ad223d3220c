import { z } from 'zod';
import { idSchema as id } from '../line/line-settings.ts';

/** Readers that a station file may name. */
export const READER_MODELS = ['em4100-module', 'em4100-ascii', 'hex-line'] as const;
export type ReaderModel = (typeof READER_MODELS)[number];

/** What a station file says about one card reader, alone on its serial line. */
export const readerSchema = z.strictObject({ readerId: id, model: z.enum(READER_MODELS), lineId: id });
export type ReaderSettings = z.infer<typeof readerSchema>;

/** A card as it is held to a reader or a pile: 4 to 10 bytes in hexadecimal, the byte that it sends first standing first. */
export const heldCardSchema = z.string().regex(/^([0-9A-Fa-f]{2}){4,10}$/, '4 to 10 bytes in hexadecimal');
