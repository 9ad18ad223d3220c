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
} as const satisfies Record<string, ErrorEntry>;
