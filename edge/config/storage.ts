import { z } from 'zod';

/** How much of the disk the site's records may take, and how long they stay. Money and safety do not depend on it. */
export const storageSchema = z.strictObject({
  /** Space that is kept to be given back when the disk is full; 0 keeps none. */
  ballastMb: z.int().min(0).max(1024).default(16),
  ledgerMaxMb: z.int().min(8).max(16_384).default(512),
  samplesMaxMb: z.int().min(1).max(16_384).default(256),
  sampleEverySeconds: z.int().min(1).max(3600).default(10),
  /** Of charges that the cloud has, and of commands. */
  keepDays: z.int().min(30).max(3660).default(400),
  /** Records that wait for the cloud; above it alarms give way. */
  outboxMaxRecords: z.int().min(1000).max(1_000_000).default(50_000),
});
export type StorageConfig = z.infer<typeof storageSchema>;

/** What holds when a site's file says nothing of its storage. */
export const defaultStorage: StorageConfig = storageSchema.parse({});
