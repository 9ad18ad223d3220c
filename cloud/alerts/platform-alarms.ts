/** An alarm that the platform raises by itself: what a site cannot know. Those of sites are in the fault catalogue. */
export interface PlatformAlarm {
  readonly en: string;
  readonly zh: string;
  readonly doEn: string;
  readonly doZh: string;
}

/** By code. What raises an alarm of a new code adds its words here, or people are told its code alone. */
export const platformAlarms: Readonly<Record<string, PlatformAlarm>> = {
  'alert.channel_disabled': {
    en: 'A channel of alerts has failed for long and is disabled.',
    zh: '告警通道长时间失败，已停用。',
    doEn: 'Look at its last errors, send a test, and enable it again. Until then others are told in its place.',
    doZh: '查看该通道最近的错误，发送测试后重新启用；在此之前由其他通道代为通知。',
  },
  'alert.channel_failing': {
    en: 'A message of alerts could not be delivered.',
    zh: '告警消息投递失败。',
    doEn: 'Look at the last errors of the channel, and send a test.',
    doZh: '查看该通道最近的错误并发送测试。',
  },
  'application.little_room': {
    en: 'Files of applications that nobody has decided on take up nearly all the room that there is for them.',
    zh: '待审核申请的文件即将占满可用空间。',
    doEn: 'Decide on what was handed in. If strangers fill it, shut out their addresses at the proxy; drafts of more than a day go by themselves.',
    doZh: '请处理已提交的申请；若为恶意填充，请在代理处封锁其地址；超过一天的草稿会自动删除。',
  },
  'auth.banned': {
    en: 'A caller is banned for a while after many failures to authenticate.',
    zh: '某调用方因多次认证失败被暂时封禁。',
    doEn: 'Find out whose address it is. A partner with a wrong key needs help; a stranger needs none.',
    doZh: '查明该地址归属：若为合作方密钥有误请协助，若为陌生来源无需处理。',
  },
  'claim-used-twice': {
    en: 'Two boxes hold one claim code.',
    zh: '同一认领码被两台设备使用。',
    doEn: 'Find out which of them is yours, revoke, and make a new code.',
    doZh: '查明哪台为自有设备，吊销凭证并生成新的认领码。',
  },
  'credit.hold_forgotten': {
    en: 'Money was still held for an order that is over. It was let go.',
    zh: '订单已结束但仍有冻结金额，现已解除。',
    doEn: 'Compare the credit account with the order, and report how it came to that.',
    doZh: '核对信用账户与订单，并上报成因。',
  },
  'credit.low': {
    en: "A partner's credit is running out.",
    zh: '合作方信用额度即将用尽。',
    doEn: 'Ask the partner to pay, or agree on a higher limit.',
    doZh: '请合作方付款，或协商提高额度。',
  },
  'credentials-revoked': {
    en: 'The credentials of a site were revoked.',
    zh: '站点凭证已被吊销。',
    doEn: 'Bring the site back with a new claim code.',
    doZh: '请用新的认领码恢复该站点。',
  },
  'foreign-payload': {
    en: 'A site speaks in the name of another.',
    zh: '站点冒用其他站点身份上报。',
    doEn: 'Look at the box: its set-up is wrong, or somebody else holds it. If in doubt, revoke.',
    doZh: '检查该设备：配置错误或已被他人控制；如有怀疑请吊销凭证。',
  },
  'foreign-topic': {
    en: 'A site tried to use topics of another.',
    zh: '站点试图访问其他站点的主题。',
    doEn: 'Look at the box: its set-up is wrong, or somebody else holds it. If in doubt, revoke.',
    doZh: '检查该设备：配置错误或已被他人控制；如有怀疑请吊销凭证。',
  },
  'key.foreign_address': {
    en: "A partner's key signed a good request from an address that is not on its list.",
    zh: '合作方密钥从未登记的地址发出了有效签名请求。',
    doEn: 'Ask the partner at once. If they do not know the address, rotate or revoke the key: its secret is known to others.',
    doZh: '立即与合作方核实；若其不知情，请轮换或吊销该密钥，其密钥可能已泄露。',
  },
  'key.unusual': {
    en: "A partner's key behaves unusually.",
    zh: '合作方密钥行为异常。',
    doEn: 'Ask the partner, and disable the key if they do not know of it.',
    doZh: '与合作方核实；若其不知情，请停用该密钥。',
  },
  'revoked-site-speaks': {
    en: 'A site whose credentials are revoked goes on speaking.',
    zh: '凭证已吊销的站点仍在上报。',
    doEn: 'Find the box. Nothing that it says is taken.',
    doZh: '请找到该设备；其上报内容均不会被采纳。',
  },
  'rollout.halted': {
    en: 'A roll-out has halted and goes back.',
    zh: '配置发布已中止并回退。',
    doEn: 'Look at the sites that failed, and at what they answered.',
    doZh: '查看失败的站点及其答复。',
  },
  'ticket.overdue': {
    en: 'A ticket is overdue.',
    zh: '工单已超时。',
    doEn: 'See to it, give it to somebody who can, or set another time with the reason.',
    doZh: '尽快处理，或转派他人，或说明原因后调整期限。',
  },
  'webhook.delivery_failed': {
    en: 'A webhook to a partner was given up.',
    zh: '向合作方的 Webhook 推送已放弃。',
    doEn: 'Tell the partner; when their address answers again, replay what it has missed.',
    doZh: '通知合作方；待其地址恢复后重放遗漏的事件。',
  },
  'webhook.endpoint_disabled': {
    en: "A partner's webhook address is disabled.",
    zh: '合作方的 Webhook 地址已停用。',
    doEn: 'Tell the partner; they register the address again when it answers.',
    doZh: '通知合作方；待地址恢复后由其重新登记。',
  },
};
