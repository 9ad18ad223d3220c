import { type ErrorEntry, entry } from './entry.ts';

/** Becoming a partner, and what a partner signs with. */
export const partnerErrors = {
  'auth.address_refused': entry(
    'caller',
    'The key may not be used from this address.',
    '该密钥不允许从此地址使用。',
    'Call from a listed address, or ask staff to add this one.',
    '请从已登记的地址调用，或联系运营人员添加该地址。',
  ),
  'auth.suspended': entry(
    'caller',
    'The partner is suspended.',
    '合作方已被暂停。',
    'Ask staff why.',
    '请联系运营人员了解原因。',
  ),
  'auth.banned': entry(
    'caller',
    'Too many requests from this address could not be authenticated.',
    '来自该地址的认证失败次数过多。',
    'Correct key and signature, and wait as long as Retry-After says.',
    '请更正密钥与签名，并按 Retry-After 所示时间等待。',
  ),
  'request.too_many': entry(
    'caller',
    'Too many requests.',
    '请求过于频繁。',
    'Wait as long as Retry-After says; RateLimit tells what is left.',
    '请按 Retry-After 所示时间等待，剩余额度见 RateLimit。',
  ),
  'application.unknown': entry(
    'caller',
    'There is no such application, or the token is not its own.',
    '申请不存在，或令牌不匹配。',
    'Send the token that was shown when the application was made.',
    '请携带创建申请时显示的令牌。',
  ),
  'application.state': entry(
    'caller',
    'The application is in a state in which this cannot be done.',
    '申请的当前状态不允许该操作。',
    'Look at its state; the detail says what it allows.',
    '请查看申请状态，允许的操作见 detail。',
  ),
  'application.changed': entry(
    'caller',
    'The application is not as it was looked at.',
    '申请内容在查看后已变更。',
    'Look at it again and decide anew.',
    '请重新查看后再作决定。',
  ),
  'application.incomplete': entry(
    'caller',
    'The application lacks a file.',
    '申请缺少资质文件。',
    'Add the file that the detail names.',
    '请补充 detail 所列的文件。',
  ),
  'application.file_refused': entry(
    'caller',
    'The file is not taken.',
    '文件不被接受。',
    'Send a PDF, JPEG or PNG within the limits that the detail names.',
    '请发送 PDF、JPEG 或 PNG 文件，限制见 detail。',
  ),
  'application.no_room': entry(
    'platform',
    'So many applications wait for a decision that there is no room for further files.',
    '待审核的申请过多，暂时无法接收更多文件。',
    'Try again after as long as Retry-After says; staff have been told.',
    '请按 Retry-After 所示时间后重试，运营人员已收到通知。',
  ),
  'partner.unknown': entry('caller', 'There is no such partner.', '合作方不存在。', 'Check the id.', '请核对编号。'),
  'key.unknown': entry('caller', 'There is no such key.', '密钥不存在。', 'Check the key id.', '请核对密钥编号。'),
  'key.state': entry(
    'caller',
    'The key is in a state in which this cannot be done.',
    '密钥的当前状态不允许该操作。',
    'Look at the state of the keys; the detail says what is in the way.',
    '请查看密钥状态，原因见 detail。',
  ),
} as const satisfies Record<string, ErrorEntry>;
