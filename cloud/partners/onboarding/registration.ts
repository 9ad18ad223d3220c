import { z } from 'zod';
import { type Complaint, PilegateError } from '#shared/errors.ts';
import { parseCidr } from '../../http/addresses.ts';
import { type LookUp, parseWebhookUrl, resolveAllowed, type WebhookTarget } from '../../webhooks/address-guard.ts';
import { scopes } from '../caller.ts';
import { creditCodeFlaw } from './credit-code.ts';

/** No control characters, no halves of characters, nothing that has no shape. */
const visible = (most: number) => z.string().regex(new RegExp(`^(?! )[^\\p{C}\\p{Zl}\\p{Zp}]{2,${most}}(?<! )$`, 'u'));

/** Mainland mobile numbers, with or without +86, and international ones (E.164). */
const MOBILE = /^((\+86)?1[3-9]\d{9}|\+(?!86)[1-9]\d{6,14})$/;
/** Area code, number, and an extension. */
const LANDLINE = /^(\+86-?)?0?(10|2\d|[3-9]\d{2})-?[2-9]\d{6,7}(-\d{1,6})?$/;
/** Ranges wider than this leave next to nothing out. */
const LEAST_BITS = { ipv4: 8, ipv6: 16 };

const isSourceRange = (text: string): boolean => {
  const cidr = parseCidr(text);
  return cidr !== null && cidr[1] >= LEAST_BITS[cidr[0].kind()];
};
export const sourceCidrsSchema = z
  .array(z.string().max(43).refine(isSourceRange, 'an address, or a range of addresses (CIDR)'))
  .max(50);

const contactSchema = z.strictObject({
  role: z.enum(['business', 'technical', 'finance']),
  name: visible(60),
  mobile: z.string().regex(MOBILE).optional(),
  landline: z.string().regex(LANDLINE).optional(),
  email: z.email().max(254),
});

export const registrationSchema = z.strictObject({
  company_name: visible(100).describe('as in the business licence'),
  credit_code: z
    .string()
    .refine((code) => creditCodeFlaw(code) === null)
    .describe('unified social credit code, 18 characters (GB 32100-2015)'),
  contacts: z.array(contactSchema).min(1).max(5).describe('each with a mobile or a landline number'),
  callback_url: z.string().max(500).describe('where you want to be told: https, on a public address'),
  requested_scopes: z.array(z.enum(scopes)).min(1),
  source_cidrs: sourceCidrsSchema.optional().describe('where your calls come from; from nowhere else they are taken'),
});
export type Registration = z.infer<typeof registrationSchema>;

/** What each field has to be, in both languages. `*` stands for a place in a list. */
const rules: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  '(document)': ['must be an object with the fields of a registration', '须为包含注册字段的对象'],
  company_name: ['2 to 100 characters, as in the business licence', '须为 2 至 100 个字符，与营业执照一致'],
  credit_code: [
    '18 characters of 0-9 and A-Z without I, O, S, V, Z; the last is the check character (GB 32100-2015)',
    '须为 18 位统一社会信用代码（不含 I、O、S、V、Z），末位为校验码（GB 32100-2015）',
  ],
  contacts: ['1 to 5 contacts', '须有 1 至 5 位联系人'],
  'contacts.*': [
    'must be a contact with role, name, email and a telephone number',
    '须为包含角色、姓名、邮箱和电话的联系人',
  ],
  'contacts.*.role': ['one of business, technical, finance', '须为 business、technical 或 finance'],
  'contacts.*.name': ['2 to 60 characters', '须为 2 至 60 个字符'],
  'contacts.*.mobile': [
    'a mobile number: 11 digits from 13 to 19, or + and the country code; needed where there is no landline',
    '须为手机号码（11 位，或以 + 和国家代码开头）；未填座机时必填',
  ],
  'contacts.*.landline': [
    'area code and number, as in 0755-12345678-801',
    '须为带区号的座机号码，如 0755-12345678-801',
  ],
  'contacts.*.email': ['an e-mail address', '须为电子邮箱地址'],
  callback_url: ['an https address on a public host, without user name', '须为公网 https 地址，且不含用户名'],
  requested_scopes: [`a list of at least one of ${scopes.join(', ')}`, `须至少包含以下之一：${scopes.join('、')}`],
  'requested_scopes.*': [`one of ${scopes.join(', ')}`, `须为以下之一：${scopes.join('、')}`],
  source_cidrs: ['at most 50 ranges', '最多 50 个地址段'],
  'source_cidrs.*': [
    'an address or a range such as 198.51.100.0/24 or 2001:db8::/48, with no bits set behind the prefix, at least /8 or /16',
    '须为 IP 地址或网段，如 198.51.100.0/24、2001:db8::/48；主机位须为零，前缀不短于 /8（IPv4）或 /16（IPv6）',
  ],
};

/** Enough to correct a form; a document made to be wrong is not answered with a book. */
const MOST_COMPLAINTS = 50;

function complaintAt(path: readonly (string | number)[], isMissing: boolean): Complaint {
  const place = path.length === 0 ? '(document)' : path.join('.');
  const [en, zh] = rules[place.replaceAll(/\.\d+(?=\.|$)/g, '.*')] ?? ['does not fit', '格式不符'];
  return isMissing
    ? { path: place, reason: `is missing: ${en}`, reasonZh: `缺失：${zh}` }
    : { path: place, reason: en, reasonZh: zh };
}

/** A contact that nobody could ring up. Said beside whatever else is wrong with it. */
function withoutTelephone(document: unknown): Complaint[] {
  const contacts = z.object({ contacts: z.array(z.unknown()) }).safeParse(document);
  if (!contacts.success) return [];
  return contacts.data.contacts.flatMap((contact, index) => {
    const isObject = typeof contact === 'object' && contact !== null && !Array.isArray(contact);
    if (!isObject || 'mobile' in contact || 'landline' in contact) return [];
    return [complaintAt(['contacts', index, 'mobile'], true)];
  });
}

interface Callback {
  readonly complaints: readonly Complaint[];
  /** Where it leads, as far as that can be read. */
  readonly target: WebhookTarget | null;
}

function callbackOf(document: unknown, devAllow: readonly string[]): Callback {
  const parsed = z.object({ callback_url: z.string().max(500) }).safeParse(document);
  if (!parsed.success) return { complaints: [], target: null };
  try {
    return { complaints: [], target: parseWebhookUrl(parsed.data.callback_url, devAllow).target };
  } catch {
    return { complaints: [complaintAt(['callback_url'], false)], target: null };
  }
}

/** Everything that is wrong with a registration, as far as it can be seen without asking anybody. */
export function registrationComplaints(document: unknown, devAllow: readonly string[]): Complaint[] {
  const parsed = registrationSchema.safeParse(document);
  const issues = parsed.success ? [] : parsed.error.issues;
  const complaints = issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code !== 'unrecognized_keys')
      return [complaintAt(path, issue.code === 'invalid_type' && isAbsent(document, path))];
    return issue.keys.map((key) => ({ path: [...path, key].join('.'), reason: 'unknown field', reasonZh: '未知字段' }));
  });
  const all = [...complaints, ...withoutTelephone(document), ...callbackOf(document, devAllow).complaints];
  return all.slice(0, MOST_COMPLAINTS);
}

function isAbsent(document: unknown, path: readonly (string | number)[]): boolean {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return false;
    value = (value as Record<string | number, unknown>)[step];
  }
  return path.length > 0 && value === undefined;
}

export interface CallbackRules {
  readonly devAllow: readonly string[];
  readonly lookUp: LookUp;
}

/**
 * Checks a registration as a whole, with where the name in its callback address leads.
 *
 * @throws PilegateError `request.invalid` that names every bad field
 */
export async function checkRegistration(document: unknown, rules: CallbackRules): Promise<Registration> {
  const complaints = registrationComplaints(document, rules.devAllow);
  const { target } = callbackOf(document, rules.devAllow);
  const leadsOutside =
    target === null ||
    (await resolveAllowed(target, rules.lookUp).then(
      () => true,
      () => false,
    ));
  if (!leadsOutside) complaints.push(complaintAt(['callback_url'], false));
  const parsed = registrationSchema.safeParse(document);
  if (complaints.length === 0 && parsed.success) return parsed.data;
  throw new PilegateError('request.invalid', 'the registration does not fit', { complaints });
}
