import { type ErrorEntry, entry } from './entry.ts';

/** Where a partner is told of things, and what was sent there. */
export const webhookErrors = {
  'webhook.unknown': entry(
    'caller',
    'There is no such webhook endpoint.',
    '回调端点不存在。',
    'List the endpoints to see their ids.',
    '请查询端点列表核对编号。',
  ),
  'webhook.address_refused': entry(
    'caller',
    'The webhook address is not allowed.',
    '不允许该回调地址。',
    'Use a public https address.',
    '请使用公网 https 地址。',
  ),
  'webhook.disabled': entry(
    'caller',
    'The webhook endpoint is disabled.',
    '回调端点已停用。',
    'Repair the receiver, then enable the endpoint.',
    '请修复接收端后重新启用端点。',
  ),
  'webhook.too_many': entry(
    'caller',
    'There are as many webhook endpoints as there may be.',
    '回调端点数量已达上限。',
    'Change or delete one of those that are there.',
    '请修改或删除现有端点。',
  ),
  'webhook.delivery_unknown': entry(
    'caller',
    'There is no such delivery.',
    '推送记录不存在。',
    'List the deliveries to see their ids; old ones are forgotten.',
    '请查询推送列表核对编号；较早的记录已清除。',
  ),
  'webhook.event_unknown': entry(
    'caller',
    'There is no such event.',
    '事件不存在。',
    'Use the webhook-id of an event of yours; old ones are forgotten.',
    '请使用自己事件的 webhook-id；较早的事件已清除。',
  ),
  'webhook.replay_busy': entry(
    'caller',
    'Too many replayed events are still waiting to be delivered.',
    '仍有过多重放事件等待推送。',
    'Wait until they have been delivered, then repeat.',
    '请等待其推送完成后重试。',
  ),
} as const satisfies Record<string, ErrorEntry>;
