import { expect, test } from 'vitest';
import { exampleRegistration } from '../../testing/applicant.ts';
import { registrationComplaints } from './registration.ts';

const paths = (document: unknown) =>
  registrationComplaints(document, [])
    .map(({ path }) => path)
    .sort();
const contact = { role: 'business', name: '王小明', mobile: '13800138000', email: 'wang@example.com' };
const withContact = (change: object) => paths({ ...exampleRegistration, contacts: [{ ...contact, ...change }] });

test('OP-01 a complete registration has no flaw', () => {
  expect(registrationComplaints(exampleRegistration, [])).toEqual([]);
  const { source_cidrs: _, ...withoutRanges } = exampleRegistration;
  expect(registrationComplaints(withoutRanges, [])).toEqual([]);
});

test('OP-01 every bad field is named at once, in English and Chinese', () => {
  const bad = {
    company_name: 'x',
    credit_code: '91350100M000100Y44',
    contacts: [
      { role: 'boss', name: '', mobile: '12345', email: 'nobody' },
      { role: 'technical', name: '李雷', email: 'li@example.com' },
    ],
    callback_url: 'http://example.com/',
    requested_scopes: ['read', 'everything'],
    source_cidrs: ['198.51.100.1/24', '0.0.0.0/0'],
    surprise: true,
  };
  expect(paths(bad)).toEqual([
    'callback_url',
    'company_name',
    'contacts.0.email',
    'contacts.0.mobile',
    'contacts.0.name',
    'contacts.0.role',
    'contacts.1.mobile',
    'credit_code',
    'requested_scopes.1',
    'source_cidrs.0',
    'source_cidrs.1',
    'surprise',
  ]);
  for (const { reason, reasonZh } of registrationComplaints(bad, [])) {
    expect(reason).toMatch(/^[\x20-\x7e]+$/);
    expect(reasonZh).toMatch(/\p{Script=Han}/u);
  }
});

test('OP-01 what is missing is said to be missing', () => {
  const complaints = registrationComplaints({ contacts: [{}] }, []);
  expect(complaints.map(({ path }) => path).sort()).toEqual([
    'callback_url',
    'company_name',
    'contacts.0.email',
    'contacts.0.mobile',
    'contacts.0.name',
    'contacts.0.role',
    'credit_code',
    'requested_scopes',
  ]);
  const missing = complaints.filter(({ reason }) => reason.startsWith('is missing'));
  expect(missing.length).toBeGreaterThanOrEqual(complaints.length - 1);
});

test('OP-01 what is no object at all is refused as a whole', () => {
  for (const document of [undefined, null, [], 'x', 7]) expect(paths(document)).toEqual(['(document)']);
});

test.each(['13800138000', '+8613800138000', '+4915112345678', '+85291234567', '19912345678'])(
  'OP-01 %s is a mobile number',
  (mobile) => expect(withContact({ mobile })).toEqual([]),
);
test.each(['12800138000', '1380013800', '138001380000', '+861280013800', '+86138001380001', '138 0013 8000', ''])(
  'OP-01 "%s" is no mobile number',
  (mobile) => expect(withContact({ mobile })).toEqual(['contacts.0.mobile']),
);
test.each(['010-62345678', '0755-86013388', '075586013388', '+86-755-86013388', '0571-8502208-801'])(
  'OP-01 %s is a landline number',
  (landline) => expect(withContact({ mobile: undefined, landline })).toEqual([]),
);
test.each(['86013388', '0755-1234567', '0755-860133889', '0755-86013388-', '123', '0755 86013388'])(
  'OP-01 "%s" is no landline number',
  (landline) => expect(withContact({ landline })).toEqual(['contacts.0.landline']),
);
test.each(['a@b', 'a b@example.com', 'a@example.com\n', '@example.com', `${'a'.repeat(250)}@example.com`])(
  'OP-01 "%s" is no e-mail address',
  (email) => expect(withContact({ email })).toEqual(['contacts.0.email']),
);
test.each(['a\u0000b', 'a\u202eb', '\ud800\ud800', ' 示例公司', 'x\u2028y'])(
  'OP-01 a name with what cannot be seen or stored is refused',
  (name) => expect(paths({ ...exampleRegistration, company_name: name })).toEqual(['company_name']),
);
test.each([
  'https://10.0.0.1',
  'https://user:x@example.com/',
  'ftp://example.com',
  'nonsense',
  'http://localhost:9000/',
])('OP-01 the callback address %s is refused, or has to be looked up', (callback_url) => {
  const found = paths({ ...exampleRegistration, callback_url });
  expect(found).toEqual(callback_url === 'https://10.0.0.1' ? [] : ['callback_url']);
});

test('OP-01 a document made to be wrong is not answered with a book', () => {
  const document = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`x${index}`, 1]));
  expect(registrationComplaints(document, []).length).toBe(50);
});
