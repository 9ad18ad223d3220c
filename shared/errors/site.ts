import { type ErrorEntry, entry } from './entry.ts';

/** The files that describe a site and its devices. */
export const siteErrors = {
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
  'document.unsigned': entry(
    'platform',
    'The pushed document has no signature by a key that the site accepts.',
    '推送的文档没有本站认可的密钥签名。',
    'Compare the keys of the cloud with those pinned on site: pilectl documents.',
    '请将云端密钥与站点固定的密钥核对：pilectl documents。',
  ),
  'document.bad_signature': entry(
    'platform',
    'The signature does not fit the pushed document.',
    '推送文档的签名不符。',
    'Find out who sends to this site; the document has had no effect.',
    '请查明谁在向本站发送；该文档未生效。',
  ),
  'profile.invalid': entry(
    'site',
    'The device profile is not valid.',
    '设备配置文件无效。',
    'Correct the file at the named path.',
    '请按所示路径修正文件。',
  ),
} as const satisfies Record<string, ErrorEntry>;
