import { z } from 'zod';
import type { Db } from '../../db/connect.ts';
import { iso, isoOrNull } from '../../http/iso.ts';
import { personSchema } from '../../staff/schemas.ts';
import { partnerIdSchema, reasonSchema } from '../schemas.ts';
import { type ApplicationReviewRow, type ApplicationRow, filePurposes } from '../tables.ts';
import { fileContents } from './file-content.ts';
import { type FileRow, presentFiles } from './files.ts';
import { applicationStates, decisions } from './machine.ts';
import { registrationSchema } from './registration.ts';

export const applicationIdSchema = z.string().regex(/^pa_[0-9a-f]{24}$/);

export const fileQuerySchema = z.strictObject({
  purpose: z.enum(filePurposes),
  name: z
    .string()
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u)
    .describe('as you call it; shown to staff, and used for nothing else'),
});

const fileSchema = z.object({
  file_id: z.uuid(),
  purpose: z.enum(filePurposes),
  kind: z.enum(fileContents),
  name: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  added_at: z.iso.datetime(),
});

const decisionSchema = z.object({
  decision: z.enum(decisions),
  reason: z.string(),
  decided_at: z.iso.datetime(),
});

/** As the applicant sees it. */
export const applicationSchema = z
  .object({
    application_id: z.string(),
    state: z
      .enum(applicationStates)
      .describe('draft: not handed in yet. needs_more, rejected: see the last decision, change it, hand it in again'),
    revision: z.int(),
    registration: registrationSchema,
    files: z.array(fileSchema),
    decisions: z.array(decisionSchema).describe('oldest first'),
    submitted_at: z.iso.datetime().nullable(),
    updated_at: z.iso.datetime(),
    partner_id: z.string().nullable(),
  })
  .meta({ id: 'PartnerApplication' });

export const createdApplicationSchema = z.object({
  application_id: z.string(),
  token: z.string().describe('shown once: with it you see and change the application'),
});

const evidenceSchema = z.strictObject({
  source: z.enum(['business-registry', 'telephone', 'contract', 'other']),
  reference: z.string().min(1).max(300).describe('where it can be found again'),
  note: z.string().min(1).max(1000).optional(),
});

export const reviewSchema = z
  .strictObject({
    decision: z.enum(decisions),
    revision: z.int().min(1).describe('of the application, as it was looked at'),
    reason: reasonSchema.describe('told to the applicant'),
    evidence: z.array(evidenceSchema).max(20).default([]),
    partner_id: partnerIdSchema.optional(),
    reviewed_by: personSchema.optional(),
  })
  .superRefine(({ decision, evidence, partner_id }, context) => {
    const demand = (isWrong: boolean, path: string, message: string) =>
      isWrong && context.addIssue({ code: 'custom', path: [path], message });
    demand(decision === 'approve' && evidence.length === 0, 'evidence', 'an approval says what was looked up');
    demand(
      decision === 'approve' && partner_id === undefined,
      'partner_id',
      'an approval says which id the partner gets',
    );
    demand(decision !== 'approve' && partner_id !== undefined, 'partner_id', 'only an approval makes a partner');
  });

/** As staff see it. */
export const reviewedApplicationSchema = applicationSchema.extend({
  decisions: z.array(
    decisionSchema.extend({
      revision: z.int(),
      evidence: z.array(evidenceSchema),
      files: z.array(z.object({ file_id: z.string(), sha256: z.string() })).describe('as they were then'),
      decided_by: z.string(),
    }),
  ),
  same_code: z
    .object({ applications: z.array(z.string()), partners: z.array(z.string()) })
    .describe('others with this credit code'),
});

export const listedApplicationSchema = z.object({
  application_id: z.string(),
  state: z.enum(applicationStates),
  company_name: z.string(),
  credit_code: z.string(),
  submissions: z.int(),
  submitted_at: z.iso.datetime().nullable(),
  updated_at: z.iso.datetime(),
});

const fileView = (row: FileRow): z.infer<typeof fileSchema> => ({
  file_id: row.file_id,
  purpose: row.purpose,
  kind: row.content_kind,
  name: row.name,
  bytes: row.bytes,
  sha256: row.sha256,
  added_at: iso(row.created_at_ms),
});

const reviewsOf = (db: Db, applicationId: string): Promise<ApplicationReviewRow[]> =>
  db
    .selectFrom('application_reviews')
    .selectAll()
    .where('application_id', '=', applicationId)
    .orderBy('reviewed_at_ms')
    .execute();

export const registrationOf = (row: ApplicationRow): z.infer<typeof registrationSchema> =>
  registrationSchema.parse(JSON.parse(row.document));

const partsOf = (row: ApplicationRow, files: readonly FileRow[]) => ({
  application_id: row.application_id,
  state: row.state,
  revision: row.revision,
  registration: registrationOf(row),
  files: files.map(fileView),
  submitted_at: isoOrNull(row.submitted_at_ms),
  updated_at: iso(row.updated_at_ms),
  partner_id: row.partner_id,
});

const decisionView = (row: ApplicationReviewRow): z.infer<typeof decisionSchema> => ({
  decision: row.decision,
  reason: row.reason,
  decided_at: iso(row.reviewed_at_ms),
});

export async function applicationView(db: Db, row: ApplicationRow): Promise<z.infer<typeof applicationSchema>> {
  const reviews = await reviewsOf(db, row.application_id);
  return { ...partsOf(row, await presentFiles(db, row.application_id)), decisions: reviews.map(decisionView) };
}

export async function reviewedApplicationView(
  db: Db,
  row: ApplicationRow,
): Promise<z.infer<typeof reviewedApplicationSchema>> {
  const { application_id: id, credit_code: code } = row;
  const [files, reviews] = [await presentFiles(db, id), await reviewsOf(db, id)];
  const applications = await db
    .selectFrom('partner_applications')
    .select('application_id')
    .where('credit_code', '=', code)
    .where('application_id', '<>', id)
    .limit(50)
    .execute();
  const partners = await db.selectFrom('partners').select('partner_id').where('credit_code', '=', code).execute();
  return {
    ...partsOf(row, files),
    decisions: reviews.map((review) => ({
      ...decisionView(review),
      revision: review.revision,
      evidence: z.array(evidenceSchema).parse(JSON.parse(review.evidence)),
      files: z.array(z.object({ file_id: z.string(), sha256: z.string() })).parse(JSON.parse(review.files)),
      decided_by: review.reviewed_by,
    })),
    same_code: {
      applications: applications.map((other) => other.application_id),
      partners: partners.map((partner) => partner.partner_id),
    },
  };
}
