import { type ErrorEntry, entry } from './entry.ts';

/** People who run the platform: who they are, and what they may do. */
export const staffErrors = {
  'staff.forbidden': entry(
    'caller',
    'Your role may not do this.',
    '当前角色无此权限。',
    'Ask somebody whose role has the permission named in the detail.',
    '请由具备 detail 所列权限的人员操作。',
  ),
  'staff.login_refused': entry(
    'caller',
    'The login or the code is refused.',
    '登录或验证码被拒绝。',
    'Check account and password, and use a code that was not used before.',
    '请核对账号与密码，并使用未用过的验证码。',
  ),
  'staff.too_many': entry(
    'caller',
    'Too many attempts have failed.',
    '失败次数过多。',
    'Wait as long as the detail says.',
    '请按 detail 所示时间等待。',
  ),
  'staff.session_over': entry(
    'caller',
    'There is no such session, or it is over.',
    '会话不存在或已结束。',
    'Log in again.',
    '请重新登录。',
  ),
  'staff.token_over': entry(
    'caller',
    'The staff token is not let in any more.',
    '员工令牌已停用。',
    'Log in with an account.',
    '请使用账号登录。',
  ),
  'staff.invitation_refused': entry(
    'caller',
    'The invitation or its code is refused.',
    '邀请或其验证码被拒绝。',
    'Check what you were given, or ask an owner for a new invitation.',
    '请核对邀请信息，或向所有者申请新的邀请。',
  ),
  'staff.unknown': entry(
    'caller',
    'There is no such account.',
    '账号不存在。',
    'List the accounts to see their ids.',
    '请查询账号列表核对编号。',
  ),
  'staff.last_owner': entry(
    'caller',
    'Nobody could make accounts any more.',
    '操作后将无人可管理账号。',
    'Make another owner first.',
    '请先设立另一位所有者。',
  ),
  'confirmation.required': entry(
    'caller',
    'This is done only after a second confirmation.',
    '该操作需二次确认。',
    'Confirm the challenge with a fresh code, and send the same request with the confirmation.',
    '请用新的验证码确认 challenge，并携带确认重发同一请求。',
  ),
  'confirmation.by_person': entry(
    'caller',
    'Only a person can confirm this.',
    '该操作须由人员确认。',
    'Log in with an account.',
    '请使用账号登录后操作。',
  ),
  'confirmation.unknown': entry(
    'caller',
    'There is no such challenge in this session, or its time is over.',
    '该会话中没有此确认请求或已过期。',
    'Send the dangerous request again for a new one.',
    '请重新发送该操作以获取新的确认请求。',
  ),
} as const satisfies Record<string, ErrorEntry>;
