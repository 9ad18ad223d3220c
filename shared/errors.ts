/**
 * Every error that leaves a part of the system: a stable code, whose responsibility it is, what to do,
 * in English and Chinese. The codes are public (partner API, CLI, logs): they are added, never renamed.
 */
export type Fault = 'caller' | 'vehicle' | 'pile' | 'site' | 'network' | 'platform';

interface ErrorEntry {
  readonly fault: Fault;
  readonly en: string;
  readonly zh: string;
  readonly doEn: string;
  readonly doZh: string;
}

const entry = (fault: Fault, en: string, zh: string, doEn: string, doZh: string): ErrorEntry => ({
  fault,
  en,
  zh,
  doEn,
  doZh,
});

export const errorCatalogue = {
  'auth.missing': entry(
    'caller',
    'The request is not signed.',
    '请求未签名。',
    'Send the four Pilegate-* headers.',
    '请携带四个 Pilegate-* 请求头。',
  ),
  'auth.unknown_key': entry(
    'caller',
    'The key is unknown or disabled.',
    '密钥不存在或已停用。',
    'Check the key id, or ask for a new key.',
    '请核对密钥编号或申请新密钥。',
  ),
  'auth.bad_signature': entry(
    'caller',
    'The signature does not fit the request.',
    '签名与请求不符。',
    'Sign method, path with query, timestamp, nonce and body digest with the secret.',
    '请用密钥对方法、路径与查询串、时间戳、随机数及正文摘要签名。',
  ),
  'auth.stale_timestamp': entry(
    'caller',
    'The timestamp is too far from the time here.',
    '时间戳与服务器时间相差过大。',
    'Set your clock; send the time of signing in seconds.',
    '请校准时钟，并发送签名时刻（秒）。',
  ),
  'auth.reused_nonce': entry(
    'caller',
    'The nonce has been used before.',
    '随机数已被使用。',
    'Sign every attempt with a fresh nonce; the request_id stays.',
    '每次尝试请使用新的随机数，request_id 保持不变。',
  ),
  'auth.forbidden': entry(
    'caller',
    'The key may not do this.',
    '该密钥无此权限。',
    'Use a key with the scope named in the detail.',
    '请使用具备所列权限的密钥。',
  ),
  'request.invalid': entry(
    'caller',
    'The request does not fit the schema.',
    '请求不符合接口规范。',
    'Correct the fields listed in errors.',
    '请修正 errors 中列出的字段。',
  ),
  'request.not_json': entry(
    'caller',
    'The body is not JSON.',
    '请求正文不是 JSON。',
    'Send a JSON document.',
    '请发送 JSON 文档。',
  ),
  'request.too_large': entry(
    'caller',
    'The body is too large.',
    '请求正文过大。',
    'Send at most 64 KiB.',
    '正文不得超过 64 KiB。',
  ),
  'request.not_found': entry(
    'caller',
    'There is nothing at this address.',
    '该地址不存在。',
    'Check the path and the id.',
    '请核对路径与编号。',
  ),
  'request.method': entry(
    'caller',
    'The content type or method is not supported here.',
    '不支持该方法或内容类型。',
    'Send JSON with the documented method.',
    '请按文档使用对应方法发送 JSON。',
  ),
  'request_id.reused': entry(
    'caller',
    'This request_id was used with another body.',
    '该 request_id 已用于不同的请求内容。',
    'Use a new request_id for a new request.',
    '新请求请使用新的 request_id。',
  ),
  'request_id.in_flight': entry(
    'caller',
    'The first request with this request_id has not committed yet.',
    '相同 request_id 的首个请求尚未完成。',
    'Repeat after the time in Retry-After.',
    '请在 Retry-After 指示的时间后重试。',
  ),
  'resource.exists': entry(
    'caller',
    'It exists already, with other content.',
    '已存在且内容不同。',
    'Use another id.',
    '请使用其他编号。',
  ),
  'station.unknown': entry(
    'caller',
    'There is no such station.',
    '站点不存在。',
    'Check the station id.',
    '请核对站点编号。',
  ),
  'connector.unknown': entry(
    'caller',
    'There is no such connector.',
    '充电枪不存在。',
    'Check the code on the pile.',
    '请核对桩身编码。',
  ),
  'connector.occupied': entry(
    'caller',
    'The connector is in use.',
    '充电枪正在使用。',
    'Choose another connector.',
    '请选择其他充电枪。',
  ),
  'connector.not_plugged': entry(
    'vehicle',
    'No vehicle is plugged in.',
    '车辆未插枪。',
    'Plug the gun in, then start again.',
    '请先插枪再启动。',
  ),
  'connector.faulted': entry(
    'pile',
    'The pile reports a fault.',
    '充电桩故障。',
    'Choose another pile; the site has been told.',
    '请选择其他充电桩，站点已收到通知。',
  ),
  'connector.disabled': entry(
    'site',
    'The connector has been taken out of service.',
    '充电枪已停用。',
    'Choose another connector.',
    '请选择其他充电枪。',
  ),
  'connector.offline': entry(
    'site',
    'The site does not reach the pile.',
    '站点无法连接该充电桩。',
    'Choose another pile.',
    '请选择其他充电桩。',
  ),
  'site.no_power': entry(
    'site',
    'The site has no power left for this charge at present.',
    '站点当前无剩余功率可供充电。',
    'Try again later, or choose another station.',
    '请稍后再试，或选择其他站点。',
  ),
  'site.offline': entry(
    'site',
    'The site has not been heard of lately.',
    '站点离线。',
    'Choose another station, or try later.',
    '请选择其他站点或稍后再试。',
  ),
  'access.unknown_card': entry(
    'caller',
    'The card is not known here.',
    '该卡未在本站登记。',
    'Use another card, or start by app.',
    '请换卡，或使用手机扫码启动。',
  ),
  'access.card_blocked': entry(
    'caller',
    'The card is blocked.',
    '该卡已被停用。',
    'Ask whoever has issued it.',
    '请联系发卡方。',
  ),
  'access.card_expired': entry(
    'caller',
    'The card is no longer valid.',
    '该卡已过有效期。',
    'Ask whoever has issued it.',
    '请联系发卡方。',
  ),
  'access.card_not_yet_valid': entry(
    'caller',
    'The card is not valid yet.',
    '该卡尚未生效。',
    'Ask whoever has issued it.',
    '请联系发卡方。',
  ),
  'access.wrong_connector': entry(
    'caller',
    'The card is not for this connector.',
    '该卡不能用于此充电枪。',
    'Use a connector that it is for.',
    '请使用该卡允许的充电枪。',
  ),
  'access.not_your_charge': entry(
    'caller',
    'Another card has begun the charge that runs here.',
    '当前充电由其他卡启动。',
    'Stop it with the card that has begun it.',
    '请用启动时的卡停止充电。',
  ),
  'access.several_waiting': entry(
    'caller',
    'More than one vehicle could be meant.',
    '有多辆车符合，无法确定是哪一辆。',
    'Leave one gun plugged in that waits, and present the card again.',
    '请仅保留一把待充电的枪插入，然后重新刷卡。',
  ),
  'access.no_list': entry(
    'platform',
    'The site has no list of cards.',
    '站点没有卡名单。',
    'Start by app; the operator has to give the site a list.',
    '请使用手机扫码启动；运营方需下发卡名单。',
  ),
  'access.list_expired': entry(
    'platform',
    "The site's list of cards is out of date.",
    '站点的卡名单已过期。',
    'Start by app; the operator has to give the site a newer list.',
    '请使用手机扫码启动；运营方需下发新的卡名单。',
  ),
  'access.cloud_away': entry(
    'network',
    'Cards are not taken while the site has no connection.',
    '站点离线期间不接受刷卡。',
    'Try again later, or choose another station.',
    '请稍后再试，或选择其他站点。',
  ),
  'access.clock_untrusted': entry(
    'site',
    'The site does not know the time for certain, and takes no cards until it does.',
    '站点时钟未确认，暂不接受刷卡。',
    'Try again later, or choose another station.',
    '请稍后再试，或选择其他站点。',
  ),
  'command.unknown': entry(
    'caller',
    'There is no such command.',
    '指令不存在。',
    'Check the command id.',
    '请核对指令编号。',
  ),
  'order.unknown': entry('caller', 'There is no such order.', '订单不存在。', 'Check the order id.', '请核对订单号。'),
  'order.not_running': entry(
    'caller',
    'The order is not running.',
    '订单未在充电中。',
    'Pull the order to see how it ended.',
    '请查询订单了解结束情况。',
  ),
  'operation.unknown': entry(
    'caller',
    'There is no such operation.',
    '操作不存在。',
    'Check the operation id or request_id.',
    '请核对操作编号或 request_id。',
  ),
  'operation.timed_out': entry(
    'site',
    'The site did not confirm in time; the command is cancelled.',
    '站点未在规定时间内确认，指令已取消。',
    'Try again; nothing will be billed.',
    '请重试，本次不会计费。',
  ),
  'command.expired': entry(
    'network',
    'The command reached the site too late.',
    '指令到达站点时已过期。',
    'Try again.',
    '请重试。',
  ),
  'command.cancelled': entry(
    'platform',
    'The command was cancelled before it acted.',
    '指令在执行前已取消。',
    'Try again if still wanted.',
    '如仍需要请重试。',
  ),
  'command.superseded': entry(
    'caller',
    'Something else has been wanted of this connector since.',
    '该充电枪此后已有更新的指令。',
    'See what was wanted last; send a new command if that is not right.',
    '请查看最新指令；如不符合预期，请重新下发。',
  ),
  'session.unknown': entry(
    'platform',
    'The site has no such session.',
    '站点无此充电会话。',
    'Pull the order; it may have ended.',
    '请查询订单，可能已结束。',
  ),
  'amount.below_minimum': entry(
    'caller',
    'The least that this charge costs is more than may be charged for it.',
    '该充电的最低费用高于限额或预授权金额。',
    'Raise the hold or the limit to the minimum fee of the tariff.',
    '请将预授权或限额提高到资费的最低费用以上。',
  ),
  'hold.none': entry(
    'caller',
    'Nothing limits what this charge may cost.',
    '该充电未设预授权限额。',
    'Do not raise the hold of a charge that was started without one.',
    '未设预授权的充电无需提高预授权金额。',
  ),
  'hold.not_higher': entry(
    'caller',
    'As much, or more, is held already.',
    '预授权金额已不低于该值。',
    'Raise the hold to more than it is.',
    '请提高到高于当前预授权的金额。',
  ),
  'pile.no_confirmation': entry(
    'pile',
    'The pile did not begin to charge in time.',
    '充电桩未在规定时间内开始充电。',
    'Check that the vehicle is ready, then try again.',
    '请确认车辆已就绪后重试。',
  ),
  'pile.unsupported': entry(
    'pile',
    'This model of pile cannot do that.',
    '该型号充电桩不支持此操作。',
    'Send somebody to the pile.',
    '请派人到现场处理。',
  ),
  'pile.setup_not_taken': entry(
    'pile',
    'The pile acknowledges its set-up and reads back something else.',
    '充电桩确认了初始化写入，但回读的值不符。',
    'Compare the register named in the detail with the vendor sheet and the firmware; correct the profile or the pile.',
    '请将明细中的寄存器与厂商资料及固件版本核对，并修正配置文件或充电桩。',
  ),
  'pile.write_failed': entry(
    'pile',
    'The pile did not take the command.',
    '充电桩未接受指令。',
    'Try again or choose another pile.',
    '请重试或选择其他充电桩。',
  ),
  'store.unavailable': entry(
    'site',
    'The site cannot store a new charge.',
    '站点无法保存新的充电记录。',
    'Choose another station; the site has been told.',
    '请选择其他站点，已通知该站点。',
  ),
  'tariff.version_exists': entry(
    'caller',
    'This tariff version exists with other content.',
    '该电价版本已存在且内容不同。',
    'Publish a new version; versions never change.',
    '请发布新版本，已有版本不可更改。',
  ),
  'tariff.missing': entry(
    'platform',
    'No tariff is in force for this connector.',
    '该充电枪无有效电价。',
    'Tell the platform; no default price exists.',
    '请联系平台，系统不使用默认价格。',
  ),
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
  'wire.not_json': entry(
    'site',
    'The message is not JSON.',
    '消息不是 JSON。',
    'Check the software version on the sender.',
    '请检查发送方软件版本。',
  ),
  'wire.schema': entry(
    'site',
    'The message does not fit its schema.',
    '消息不符合规范。',
    'Check the software version on the sender.',
    '请检查发送方软件版本。',
  ),
  'wire.wrong_site': entry(
    'site',
    'The message speaks of another site than its topic.',
    '消息内容与主题中的站点不一致。',
    'Check the site file and the credentials.',
    '请检查站点文件与凭证。',
  ),
  'wire.gap': entry(
    'site',
    'Records are missing before this batch.',
    '此批次之前缺少记录。',
    'The site sends again from the acknowledged record.',
    '站点将从已确认记录处重发。',
  ),
  'wire.conflict': entry(
    'site',
    'A different record with this identity is stored already.',
    '已存在同一标识但内容不同的记录。',
    'The record is kept aside for a person.',
    '该记录已隔离，待人工处理。',
  ),
  'record.refused': entry(
    'platform',
    'The record cannot be applied.',
    '记录无法入账。',
    'The record is kept aside for a person.',
    '该记录已隔离，待人工处理。',
  ),
  'config.invalid': entry(
    'site',
    'The configuration is not valid.',
    '配置无效。',
    'Correct it at the named place.',
    '请在所示位置修正。',
  ),
  'site.infeasible': entry(
    'site',
    'The site cannot be run safely as it is configured.',
    '按当前配置，站点无法安全运行。',
    'Change what the numbers name; pilectl plan shows the whole calculation.',
    '请按所列数值调整配置；pilectl plan 可显示完整计算。',
  ),
  'profile.invalid': entry(
    'site',
    'The device profile is not valid.',
    '设备配置文件无效。',
    'Correct the file at the named path.',
    '请按所示路径修正文件。',
  ),
  'platform.unavailable': entry(
    'platform',
    'The platform cannot answer at present.',
    '平台暂时无法响应。',
    'Repeat with the same request_id.',
    '请用相同 request_id 重试。',
  ),
  'platform.internal': entry(
    'platform',
    'Something went wrong here.',
    '平台内部错误。',
    'Repeat with the same request_id; it has been recorded.',
    '请用相同 request_id 重试，该错误已记录。',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Where in a document something is wrong: a dotted path and the reason; line and column from 1 where its text is at hand. */
export interface Complaint {
  readonly path: string;
  readonly reason: string;
  readonly line?: number;
  readonly column?: number;
}

/** An error with a catalogue entry. `detail` names what and where; `complaints` lists bad fields. */
export class PilegateError extends Error {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly complaints: readonly Complaint[];

  constructor(code: ErrorCode, detail: string, options: { complaints?: readonly Complaint[]; cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PilegateError';
    this.code = code;
    this.detail = detail;
    this.complaints = options.complaints ?? [];
  }

  get fault(): Fault {
    return errorCatalogue[this.code].fault;
  }
}

export function isPilegateError(error: unknown): error is PilegateError {
  return error instanceof PilegateError;
}
