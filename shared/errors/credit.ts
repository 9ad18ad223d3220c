import { type ErrorEntry, entry } from './entry.ts';

/** What partners have with the platform. */
export const creditErrors = {
  'credit.none': entry(
    'caller',
    'No terms of payment have been agreed in this currency.',
    '尚未约定该币种的付款条件。',
    'Agree them with the platform; there is no credit by default.',
    '请与平台约定付款条件；系统没有默认信用额度。',
  ),
  'credit.exhausted': entry(
    'caller',
    'The credit is used up: less is left than has to be held.',
    '信用额度已用尽：余额不足以冻结所需金额。',
    'Pay in, wait for charges to end, or name a smaller hold_minor.',
    '请充值、等待进行中的充电结束，或填写更小的 hold_minor。',
  ),
  'credit.unknown': entry(
    'caller',
    'There is no account in this currency.',
    '该币种没有账户。',
    'List the accounts to see their currencies.',
    '请查询账户列表核对币种。',
  ),
  'credit.settled': entry(
    'caller',
    'This order is not one that waits for a person to say what it costs.',
    '该订单无需人工确定金额。',
    'Put right what was posted by a correction.',
    '如需更正已入账金额，请使用更正分录。',
  ),
} as const satisfies Record<string, ErrorEntry>;
