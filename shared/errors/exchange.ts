import { type ErrorEntry, entry } from './entry.ts';

/** What edge and cloud tell each other, and the store that keeps it. */
export const exchangeErrors = {
  'store.unavailable': entry(
    'site',
    'The site cannot store a new charge.',
    '站点无法保存新的充电记录。',
    'Choose another station; the site has been told.',
    '请选择其他站点，已通知该站点。',
  ),
  'database.newer': entry(
    'platform',
    'The database belongs to a newer version of the software.',
    '数据库属于更新版本的软件。',
    'Start that version, or put back the backup made before the upgrade.',
    '请启动该版本，或恢复升级前的备份。',
  ),
  'database.changed': entry(
    'platform',
    'A migration was changed after it had been applied to the database.',
    '数据库迁移在应用之后被修改。',
    'Install the software as it was released; a change of the schema is a new migration.',
    '请安装正式发布的软件；修改表结构须新增迁移。',
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
} as const satisfies Record<string, ErrorEntry>;
