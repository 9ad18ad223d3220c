import { type ErrorEntry, entry } from './entry.ts';

/** Who a site is, and how it proves that. */
export const identityErrors = {
  'claim.unknown': entry(
    'site',
    'There is no such claim code for this site.',
    '该站点没有此领取码。',
    'Check the code and the site id, or ask staff for a new code.',
    '请核对领取码与站点编号，或向运营人员申请新的领取码。',
  ),
  'claim.used': entry(
    'site',
    'The claim code has been used already.',
    '领取码已被使用。',
    'Ask staff who used it; a new code is needed, and the first credential may have to be revoked.',
    '请向运营人员核实使用者；需要新的领取码，必要时吊销首个凭证。',
  ),
  'claim.expired': entry(
    'site',
    'The claim code holds no longer.',
    '领取码已失效。',
    'Ask staff for a new code.',
    '请向运营人员申请新的领取码。',
  ),
  'claim.too_many': entry(
    'caller',
    'Too many claim codes were wrong.',
    '领取码错误次数过多。',
    'Wait as long as Retry-After says.',
    '请按 Retry-After 所示时间等待。',
  ),
  'credential.kind': entry(
    'site',
    'This platform does not give credentials of this kind.',
    '平台不签发此类凭证。',
    'Set the kind named in the detail in the site file.',
    '请在站点文件中设置 detail 所列的凭证类型。',
  ),
  'credential.refused': entry(
    'site',
    'The credential cannot be given.',
    '无法签发该凭证。',
    'The detail says why; a new key or password is made for every credential.',
    '原因见 detail；每个凭证都须使用新的密钥或密码。',
  ),
  'credential.revoked': entry(
    'site',
    'The credentials of this site are revoked.',
    '该站点的凭证已被吊销。',
    'Ask staff for a claim code.',
    '请向运营人员申请领取码。',
  ),
} as const satisfies Record<string, ErrorEntry>;
