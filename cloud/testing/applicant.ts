/** The smallest files that are what they say. */
export const examplePdf = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');
export const examplePng = Buffer.from(
  '89504e470d0a1a0a0000000d4948445200000001000000010806000000' +
    '1f15c4890000000d49444154789c6300010000000500010d0a2db40000000049454e44ae426082',
  'hex',
);

/** A registration without a flaw, to be changed by a test where it needs one. */
export const exampleRegistration = {
  company_name: '深圳市示例充电科技有限公司',
  credit_code: '91350100M000100Y43',
  contacts: [
    { role: 'business', name: '王小明', mobile: '13800138000', email: 'wang@example.com' },
    { role: 'technical', name: 'Li Lei', landline: '0755-86013388-8001', email: 'li.lei@example.com' },
  ],
  callback_url: 'https://good.example/pilegate',
  requested_scopes: ['read', 'control', 'orders'],
  source_cidrs: ['198.51.100.0/24', '2001:db8:7::/48'],
};
