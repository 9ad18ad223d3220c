import { type ErrorEntry, entry } from './entry.ts';

/** Faults that a partner makes on purpose. */
export const sandboxErrors = {
  'sandbox.only': entry(
    'caller',
    'This is for sandbox keys.',
    '仅限沙箱密钥使用。',
    'Sign with a key of the sandbox.',
    '请使用沙箱密钥签名。',
  ),
  'sandbox.no_rig': entry(
    'caller',
    'Faults cannot be made at this station.',
    '该站点不支持制造故障。',
    'Use a station of the sandbox that is simulated.',
    '请使用模拟的沙箱站点。',
  ),
  'sandbox.fault_exists': entry(
    'caller',
    'There is a fault of this kind already.',
    '该处已有同类故障。',
    'End it if it is yours, or wait for the time in Retry-After.',
    '若为自己的故障请先结束，否则按 Retry-After 等待。',
  ),
  'sandbox.fault_unknown': entry(
    'caller',
    'There is no such fault of yours.',
    '不存在该故障，或不属于您。',
    'List the faults of the connector.',
    '请查询该枪的故障列表。',
  ),
  'sandbox.too_many': entry(
    'caller',
    'Too many faults of yours are under way.',
    '您同时进行的故障过多。',
    'End some of them first.',
    '请先结束部分故障。',
  ),
  'sandbox.busy': entry(
    'caller',
    'Another partner tries a charge there.',
    '其他合作方正在该处试充。',
    'Use another connector, or repeat later.',
    '请使用其他枪，或稍后重试。',
  ),
  'sandbox.fault_refused': entry(
    'caller',
    'The simulated pile cannot do that now.',
    '模拟桩当前无法执行。',
    'The detail says why: some models do not have such a fault.',
    '原因见 detail：部分型号没有此类故障。',
  ),
} as const satisfies Record<string, ErrorEntry>;
